// Clock: monotonic time behind an interface, so that tests turn it by hand (test/fakes/manual_timers.h).
#pragma once

#include <chrono>

namespace thaw {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
};

// The real one; any thread may call.
const Clock& steady_clock();

}  // namespace thaw
