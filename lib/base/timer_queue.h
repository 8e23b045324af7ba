// TimerQueue: Timers over the steady clock, driven by one thread that daemon/ starts with run() and ends with
// stop().
//
// Owned by the daemon's wiring, which joins that thread before it destroys whatever the tasks point to.
// Any thread may call call_at() and stop(). Its length is bounded by its callers (see Timers).
#pragma once

#include <map>

#include "lib/base/mutex.h"
#include "lib/base/timers.h"

namespace thaw {

class TimerQueue final : public Timers {
 public:
  TimePoint now() const override { return steady_clock().now(); }
  void call_at(TimePoint when, Task task) override;

  // Runs tasks as they fall due, until stop().
  void run();
  void stop();

 private:
  // The task that is due, or an empty one after having waited for it once.
  Task take_due();

  Mutex mutex_;
  CondVar changed_;
  std::multimap<TimePoint, Task> tasks_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
