// RetryBackoff: full jitter, "Exponential Backoff And Jitter" (AWS architecture blog, 2015): a random wait
// between nothing and a bound that doubles up to a limit. What a server asks for (Retry-After) is waited for
// first, up to kLongestAsked; the jitter comes on top, so that those who were sent away together do not come
// back together. Not thread-safe: one an operation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

#include "lib/base/clock.h"
#include "lib/base/mix.h"

namespace thaw {

class RetryBackoff {
 public:
  // Seeds may be neighbours, as those of one owner's operations are: unmixed they would begin nearly the same
  // sequence.
  RetryBackoff(Duration first, Duration longest, uint64_t seed)
      : bound_(first), longest_(longest), random_(static_cast<uint32_t>(mix(seed))) {}

  // A server that asks for more is wrong, or its date is: nobody who waits for a read gains from believing
  // it.
  static constexpr Duration kLongestAsked = std::chrono::seconds(10);

  // `asked`: Error::retry_after. `left`: how long the operation may still take; half of it at most is spent
  // on what was asked for, so that there is another try before its end.
  Duration next(Duration asked = Duration::zero(), Duration left = Duration::max()) {
    const Duration obeyed = std::clamp(std::min(asked, left / 2), Duration::zero(), kLongestAsked);
    std::uniform_int_distribution<Duration::rep> jitter(0, std::max(bound_, obeyed / kAskedJitter).count());
    const Duration drawn(jitter(random_));
    bound_ = std::min(bound_ * 2, longest_);
    return obeyed + drawn;
  }

 private:
  static constexpr int kAskedJitter = 4;  // the part of what was asked for that is added at most

  Duration bound_;
  Duration longest_;
  std::minstd_rand random_;
};

}  // namespace thaw
