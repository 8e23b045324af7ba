// ManualTimers: a clock that stands still until a test turns it, and runs what falls due on the test's
// thread.
#pragma once

#include <chrono>
#include <map>
#include <utility>

#include "lib/base/mutex.h"
#include "lib/base/timers.h"

namespace thaw {

class ManualTimers final : public Timers {
 public:
  TimePoint now() const override {
    MutexLock lock(mutex_);
    return now_;
  }
  void call_at(TimePoint when, Task task) override {
    MutexLock lock(mutex_);
    tasks_.emplace(when, std::move(task));
  }

  // Runs what falls due on the way, each at its own time.
  void advance(Duration by) { advance_to(now() + by); }

  // To the next task that waits, if it is due by `limit`; false when there is none.
  bool run_next(TimePoint limit = TimePoint::max()) {
    Task task;
    {
      MutexLock lock(mutex_);
      if (tasks_.empty() || tasks_.begin()->first > limit) return false;
      if (tasks_.begin()->first > now_) now_ = tasks_.begin()->first;
      task = std::move(tasks_.begin()->second);
      tasks_.erase(tasks_.begin());
    }
    task();
    return true;
  }

  size_t pending() const {
    MutexLock lock(mutex_);
    return tasks_.size();
  }

 private:
  void advance_to(TimePoint end) {
    while (run_next(end)) {
    }
    MutexLock lock(mutex_);
    now_ = end;
  }

  mutable Mutex mutex_;
  TimePoint now_ GUARDED_BY(mutex_) = TimePoint(std::chrono::hours(1));
  std::multimap<TimePoint, Task> tasks_ GUARDED_BY(mutex_);
};

}  // namespace thaw
