// RequestCap: how many requests may be in flight, learnt from the answers: additive increase, multiplicative
// decrease ("Congestion Avoidance and Control", Jacobson, 1988). Every worker of a fleet does the same, so
// that their caps together follow what the store takes.
//
// Not thread-safe: guarded by its owner's lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "lib/base/clock.h"

namespace thaw {

class RequestCap {
 public:
  static constexpr uint32_t kFloor = 4;  // fewer would make the probing of a store that comes back slow
  static constexpr double kDecrease = 0.7;
  // The requests that one overload refuses are answered within about a round trip: they count once.
  static constexpr Duration kDecreaseInterval = std::chrono::milliseconds(100);

  explicit RequestCap(uint32_t most) : floor_(std::min(kFloor, most)), most_(most), cap_(most) {}

  uint32_t now() const { return static_cast<uint32_t>(cap_); }

  // A part of `limit`, which was meant for the whole cap; at least 1.
  uint32_t share_of(uint32_t limit) const {
    const auto part = static_cast<uint32_t>(limit * cap_ / most_);
    return std::clamp(part, 1U, std::max(limit, 1U));
  }

  // One more after as many answers as the cap allows at a time.
  void answered() { cap_ = std::min<double>(most_, cap_ + 1 / cap_); }

  // Another limit, of which nothing is known yet: what was not held back by the store starts at it.
  void set_most(uint32_t most) {
    const bool free = cap_ >= most_;
    floor_ = std::min(kFloor, most);
    most_ = most;
    cap_ = free ? most : std::clamp<double>(cap_, floor_, most);
  }

  void overloaded(TimePoint when) {
    if (when < next_decrease_) return;
    next_decrease_ = when + kDecreaseInterval;
    cap_ = std::max<double>(floor_, cap_ * kDecrease);
  }

 private:
  uint32_t floor_;
  uint32_t most_;
  double cap_;  // in [floor_, most_]
  TimePoint next_decrease_ = TimePoint::min();
};

}  // namespace thaw
