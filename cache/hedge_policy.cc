#include "cache/hedge_policy.h"

#include <algorithm>

namespace thaw {

void HedgePolicy::request_started() { tokens_ = std::min(limits_.most_saved, tokens_ + limits_.share); }

bool HedgePolicy::try_hedge() {
  if (!slow_after_ || slow_share_ > limits_.most_slow || tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void HedgePolicy::request_took(Duration time) {
  times_.at(taken_++ % kSamples) = time;
  if (taken_ >= kEnough && taken_ % kRefresh == 0) estimate();
}

void HedgePolicy::estimate() {
  std::array<Duration, kSamples> sorted = times_;
  const size_t count = std::min(taken_, kSamples);
  const auto end = sorted.begin() + static_cast<ptrdiff_t>(count);
  const auto late = sorted.begin() + static_cast<ptrdiff_t>(count * 99 / 100);
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>(count / 2);
  std::nth_element(sorted.begin(), late, end);
  std::nth_element(sorted.begin(), middle, late);
  slow_after_ = std::max(limits_.earliest, std::min(*late, *middle * kMedians));
  const auto slow = std::count_if(sorted.begin(), end, [this](Duration time) { return time > slow_after_; });
  slow_share_ = static_cast<double>(slow) / static_cast<double>(count);
}

}  // namespace thaw
