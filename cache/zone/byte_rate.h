// ByteRate: a token bucket: so many bytes a second, and a quarter of a second's worth at once.
//
// Not thread-safe; times come from outside.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/clock.h"

namespace thaw {

class ByteRate {
 public:
  explicit ByteRate(uint64_t bytes_per_second)
      : rate_(static_cast<double>(bytes_per_second)), tokens_(rate_ / 4) {}

  bool has(uint64_t bytes, TimePoint now) {
    const double elapsed = std::chrono::duration<double>(now - filled_at_).count();
    tokens_ = std::min(rate_ / 4, tokens_ + std::max(0.0, elapsed) * rate_);
    filled_at_ = now;
    return tokens_ >= static_cast<double>(bytes);
  }
  // From now on; what was saved up before stays within the new limit.
  void set_rate(uint64_t bytes_per_second) {
    rate_ = static_cast<double>(bytes_per_second);
    tokens_ = std::min(rate_ / 4, tokens_);
  }
  // REQUIRES: has(bytes, …) just now
  void take(uint64_t bytes) { tokens_ -= static_cast<double>(bytes); }

 private:
  double rate_;
  double tokens_;
  TimePoint filled_at_;
};

}  // namespace thaw
