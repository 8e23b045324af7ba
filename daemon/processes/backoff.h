// Backoff: how long to wait before a worker that died is started again. A worker that served is replaced at
// once, unless it served for a moment only; delays grow while none does better, up to kMaxDelay, and never
// end.
//
// One thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "lib/base/clock.h"

namespace thaw {

struct WorkerLife {
  Duration lived{};
  bool served = false;
};

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirstDelay{20};
  static constexpr std::chrono::milliseconds kMaxDelay{5000};
  // A worker that serves this long is not what kills it at the start.
  static constexpr std::chrono::milliseconds kMoment{50};

  std::chrono::milliseconds after(const WorkerLife& life) {
    if (life.served && life.lived >= kMoment) {
      next_ = kFirstDelay;
      return {};
    }
    const auto delay = next_;
    next_ = std::min(next_ * 2, kMaxDelay);
    return delay;
  }

 private:
  std::chrono::milliseconds next_ = kFirstDelay;
};

}  // namespace thaw
