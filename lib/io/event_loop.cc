#include "lib/io/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace thaw {
namespace {

constexpr uint64_t kWake = 0;
constexpr size_t kEventsAtOnce = 64;
constexpr int kLongestWait = 60'000;  // ms

epoll_event event_of(uint64_t id, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return event;
}

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.valid()) return system_error("epoll_create1", errno);
  Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid()) return system_error("eventfd", errno);
  epoll_event event = event_of(kWake, EPOLLIN);
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return system_error("epoll_ctl", errno);
  }
  return std::unique_ptr<EventLoop>(new EventLoop(std::move(epoll), std::move(wake)));
}

EventLoop::~EventLoop() {
  stop();
  // Outside the lock: what a task holds may complete with an error, and that may post once more.
  Tasks tasks;
  std::multimap<TimePoint, Task> timers;
  MutexLock lock(mutex_);
  tasks.swap(posted_);
  timers.swap(timers_);
}

void EventLoop::post(Task task) {
  bool must_wake = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;  // `task` is destroyed by the caller, after the lock
    posted_.push_back(std::move(task));
    must_wake = !std::exchange(woken_, true);
  }
  if (must_wake) wake();
}

void EventLoop::call_at(TimePoint when, Task task) {
  bool must_wake = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    const bool first = timers_.empty() || when < timers_.begin()->first;
    timers_.emplace(when, std::move(task));
    must_wake = first && !std::exchange(woken_, true);
  }
  if (must_wake) wake();
}

void EventLoop::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    woken_ = true;
  }
  wake();
}

void EventLoop::wake() {
  const uint64_t one = 1;
  // It fails only when it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::run() {
  while (true) {
    const int timeout = timeout_ms();
    if (timeout < 0) return;
    wait_for_events(timeout);
    run_tasks();
  }
}

// Negative: the loop is to end.
int EventLoop::timeout_ms() {
  MutexLock lock(mutex_);
  if (stopping_) return -1;
  if (timers_.empty()) return kLongestWait;
  const TimePoint when = timers_.begin()->first;
  const TimePoint present = now();
  if (when <= present) return 0;
  if (when - present > std::chrono::milliseconds(kLongestWait)) return kLongestWait;
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(when - present).count());
}

void EventLoop::wait_for_events(int timeout_ms) {
  std::array<epoll_event, kEventsAtOnce> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event event = events.at(static_cast<size_t>(i));
    if (event.data.u64 == kWake) {
      uint64_t value = 0;
      [[maybe_unused]] const ssize_t taken = ::read(wake_.get(), &value, sizeof value);
      MutexLock lock(mutex_);
      woken_ = stopping_;
      continue;
    }
    // One whose watch ended a moment ago has none any more; ids are never used twice.
    const auto found = watches_.find(event.data.u64);
    if (found != watches_.end()) found->second.listener->on_events(event.events);
  }
}

void EventLoop::run_tasks() {
  Tasks tasks;
  {
    MutexLock lock(mutex_);
    tasks.swap(posted_);
    const auto end = timers_.upper_bound(now());
    for (auto it = timers_.begin(); it != end; ++it) tasks.push_back(std::move(it->second));
    timers_.erase(timers_.begin(), end);
  }
  for (Task& task : tasks) std::exchange(task, {})();
}

Result<EventLoop::WatchId> EventLoop::watch(int fd, uint32_t events, FdEvents& listener) {
  const WatchId id = next_watch_++;
  epoll_event event = event_of(id, events);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return system_error("epoll_ctl", errno);
  watches_.emplace(id, Watch{fd, &listener});
  return id;
}

void EventLoop::change(WatchId id, uint32_t events) {
  epoll_event event = event_of(id, events);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, watches_.at(id).fd, &event);
}

void EventLoop::unwatch(WatchId id) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
  watches_.erase(found);
}

}  // namespace thaw
