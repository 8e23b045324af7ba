#include "lib/base/timer_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace thaw {
namespace {

// A far deadline is waited for in steps, because a wait until TimePoint::max() overflows inside the library.
constexpr Duration kLongestWait = std::chrono::hours(1);

}  // namespace

void TimerQueue::call_at(TimePoint when, Task task) {
  {
    MutexLock lock(mutex_);
    tasks_.emplace(when, std::move(task));
  }
  changed_.notify_one();
}

void TimerQueue::run() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
    }
    Task task = take_due();
    if (task) task();
  }
}

void TimerQueue::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
}

Task TimerQueue::take_due() {
  MutexLock lock(mutex_);
  if (stopping_) return {};
  if (tasks_.empty()) {
    changed_.wait(mutex_);
    return {};
  }
  const auto first = tasks_.begin();
  const TimePoint current = now();
  if (first->first > current) {
    changed_.wait_for(mutex_, std::min(first->first - current, kLongestWait));
    return {};
  }
  Task task = std::move(first->second);
  tasks_.erase(first);
  return task;
}

}  // namespace thaw
