// Timers: a clock that also calls back. daemon/ owns the thread behind it (lib/base/timer_queue.h); tests
// turn it by hand (test/fakes/manual_timers.h).
//
// Any thread may call. There is no cancelling: whoever asks keeps the number of its pending calls small and
// lets a stale one do nothing. Tasks that never ran are destroyed with the Timers.
#pragma once

#include "lib/base/clock.h"
#include "lib/base/unique_function.h"

namespace thaw {

class Timers : public Clock {
 public:
  // Runs `task` once, at `when` or soon after it, never inside this call. The task must not block.
  virtual void call_at(TimePoint when, Task task) = 0;
};

}  // namespace thaw
