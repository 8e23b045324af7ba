// HedgePolicy: when a request counts as slow, and whether a second one may be sent for the same chunk ("The
// Tail at Scale", Dean and Barroso, 2013). Slow is beyond the 99th percentile of the last kSamples answers,
// yet at most kMedians times their median: a tail that is heavy for long would otherwise raise the percentile
// to itself.
//
// Not thread-safe: guarded by its owner's lock.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "lib/base/clock.h"

namespace thaw {

struct HedgeLimits {
  Duration earliest = std::chrono::milliseconds(50);
  double share = 0.02;      // of the requests may be hedges
  double most_slow = 0.05;  // when more of them are slow it is the store, and hedges would add to it
  double most_saved = 10;   // hedges that may be sent in a row after a quiet time
};

class HedgePolicy {
 public:
  static constexpr size_t kSamples = 512;
  static constexpr size_t kEnough = 64;  // answers; before them there is no hedge
  static constexpr int kMedians = 10;

  explicit HedgePolicy(const HedgeLimits& limits) : limits_(limits) {}

  // After this a request is slow; nothing while too little is known.
  std::optional<Duration> slow_after() const { return slow_after_; }

  // A request other than a hedge starts.
  void request_started();
  // For a request that is slow; true: send the hedge, it is paid.
  bool try_hedge();
  // A request, of either kind, was answered or given up.
  void request_took(Duration time);

 private:
  static constexpr size_t kRefresh = 32;  // samples between two estimates

  void estimate();

  HedgeLimits limits_;
  double tokens_ = 1;
  std::array<Duration, kSamples> times_{};  // a ring
  size_t taken_ = 0;                        // of all time
  double slow_share_ = 0;
  std::optional<Duration> slow_after_;
};

}  // namespace thaw
