// RetryTokens: how often a store may be asked again. Successes earn what retries spend, so that a store in
// trouble gets a bounded share of additional requests, however many fetches wait for it. Half of the tokens
// are kept for readers. Without tokens a probe may go now and then, and, while the store answers, what a
// reader has waited for long enough: a store of whose answers every second is bad is slow, and not away. Once
// it was answered after an outage, the fetches that waited for it go on.
//
// Not thread-safe: guarded by its owner's lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "lib/base/clock.h"
#include "lib/chunk/chunk_source.h"

namespace thaw {

struct RetryTokenLimits {
  double most = 50;
  double earned = 0.3;  // by a success; with a fifth of all answers bad a quarter is what it takes
  Duration probe_interval = std::chrono::milliseconds(500);
  Duration patience = std::chrono::seconds(1);  // of a reader, and for how long a store that answered answers
};

class RetryTokens {
 public:
  explicit RetryTokens(const RetryTokenLimits& limits) : limits_(limits), tokens_(limits.most) {}

  // `waited`: since the fetch's last request ended. False: wait, and try to spend again later.
  bool try_spend(TimePoint now, Priority priority, Duration waited) {
    const bool reader = priority == Priority::kDemand;
    if (tokens_ >= (reader ? 1 : 1 + limits_.most / 2)) {
      tokens_ -= 1;
      return true;
    }
    if (reader && waited >= limits_.patience && now < answered_ + limits_.patience) return true;
    if (now < next_probe_) return false;
    next_probe_ = now + limits_.probe_interval;
    return true;
  }

  void succeeded(TimePoint now) {
    answered_ = now;
    tokens_ = std::max(tokens_, std::min(limits_.most, tokens_ + limits_.earned));
  }

  // The store answers after it was away. The fetches that wait for it are asked for now, rather than again.
  void outage_ended(size_t waiting) { tokens_ = std::max(limits_.most, static_cast<double>(waiting)); }

 private:
  RetryTokenLimits limits_;
  double tokens_;
  TimePoint next_probe_ = TimePoint::min();
  TimePoint answered_ = TimePoint();  // well, the last time
};

}  // namespace thaw
