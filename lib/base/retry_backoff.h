// RetryBackoff: full jitter, "Exponential Backoff And Jitter" (AWS architecture blog, 2015): a random wait
// between nothing and a bound that doubles up to a limit. Not thread-safe: one an operation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "lib/base/clock.h"

namespace thaw {

class RetryBackoff {
 public:
  RetryBackoff(Duration first, Duration longest, uint64_t seed)
      : bound_(first), longest_(longest), random_(seed) {}

  Duration next() {
    std::uniform_int_distribution<Duration::rep> wait(0, bound_.count());
    const Duration drawn(wait(random_));
    bound_ = std::min(bound_ * 2, longest_);
    return drawn;
  }

 private:
  Duration bound_;
  Duration longest_;
  std::minstd_rand random_;
};

}  // namespace thaw
