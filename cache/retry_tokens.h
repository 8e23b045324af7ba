// RetryTokens: how often a store may be asked again. Successes earn what retries spend, so that a store in
// trouble gets a bounded share of additional requests, however many fetches wait for it. Without tokens only
// a probe may go now and then; once it was answered after an outage, the fetches that waited for it go on.
//
// Not thread-safe: guarded by its owner's lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "lib/base/clock.h"

namespace thaw {

struct RetryTokenLimits {
  double most = 50;
  double earned = 0.3;  // by a success; with a fifth of all answers bad a quarter is what it takes
  Duration probe_interval = std::chrono::milliseconds(500);
};

class RetryTokens {
 public:
  explicit RetryTokens(const RetryTokenLimits& limits) : limits_(limits), tokens_(limits.most) {}

  // False: wait, and try to spend again later.
  bool try_spend(TimePoint now) {
    if (tokens_ >= 1) {
      tokens_ -= 1;
      return true;
    }
    if (now < next_probe_) return false;
    next_probe_ = now + limits_.probe_interval;
    return true;
  }

  void succeeded() { tokens_ = std::max(tokens_, std::min(limits_.most, tokens_ + limits_.earned)); }

  // The store answers after it was away. The fetches that wait for it are asked for now, rather than again.
  void outage_ended(size_t waiting) { tokens_ = std::max(limits_.most, static_cast<double>(waiting)); }

 private:
  RetryTokenLimits limits_;
  double tokens_;
  TimePoint next_probe_ = TimePoint::min();
};

}  // namespace thaw
