// EventLoop: sockets, timers and posted tasks on one thread, which daemon/ starts with run() and ends with
// stop(). epoll(7) and an eventfd; docs/decisions/0005-epoll-for-sockets.md says why not io_uring.
//
// Any thread may call post(), call_at(), now() and stop(); all else belongs to the loop's thread. Owned by
// the daemon's wiring, which joins that thread before it destroys what watches and tasks point to. The
// numbers of tasks, timers and watches are bounded by who makes them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "lib/base/executor.h"
#include "lib/base/file.h"
#include "lib/base/mutex.h"
#include "lib/base/timers.h"

namespace thaw {

// Hears what a descriptor is ready for, on the loop's thread.
class FdEvents {
 public:
  virtual ~FdEvents() = default;
  virtual void on_events(uint32_t events) = 0;  // EPOLLIN, EPOLLOUT, …
};

class EventLoop final : public Executor, public Timers {
 public:
  using WatchId = uint64_t;

  // kFailed when the kernel gives no descriptors.
  static Result<std::unique_ptr<EventLoop>> create();
  ~EventLoop() override;

  // Destroys the task when the loop was stopped.
  void post(Task task) override;
  TimePoint now() const override { return steady_clock().now(); }
  void call_at(TimePoint when, Task task) override;

  // Until stop(). What was posted and did not run is destroyed with the loop.
  void run();
  void stop();

  // Level-triggered. `listener` must live until unwatch(); no event reaches it after that.
  Result<WatchId> watch(int fd, uint32_t events, FdEvents& listener);
  void change(WatchId id, uint32_t events);
  void unwatch(WatchId id);

 private:
  struct Watch {
    int fd;
    FdEvents* listener;
  };
  using Tasks = std::vector<Task>;

  EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

  bool add_task(TimePoint when, Task& task);
  void wake();
  void wait_for_events(int timeout_ms);
  void run_tasks();
  // How long epoll may wait: until the next timer.
  int timeout_ms();

  const Fd epoll_;
  const Fd wake_;

  // Of the loop's thread.
  std::unordered_map<WatchId, Watch> watches_;
  WatchId next_watch_ = 1;  // 0 is wake_

  Mutex mutex_;
  Tasks posted_ GUARDED_BY(mutex_);
  std::multimap<TimePoint, Task> timers_ GUARDED_BY(mutex_);
  bool woken_ GUARDED_BY(mutex_) = false;  // wake_ was written and not read yet
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
