// FlashAdmission: what may be written to flash: within a daily budget against wear, and, by a stricter rule,
// only what was asked for before.
//
// Not thread-safe: FlashStore guards it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_set>

#include "lib/base/clock.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

enum class FlashRule : uint8_t {
  kAll,     // each chunk that was fetched
  kSecond,  // a chunk that was fetched before, within the last kRemembered fetches
};

class FlashAdmission {
 public:
  static constexpr size_t kRemembered = 65536;

  // `daily_bytes`: what may be written in 24 h; so much at once when nothing was written for a day.
  FlashAdmission(FlashRule rule, uint64_t daily_bytes, TimePoint now)
      : rule_(rule), daily_(static_cast<double>(daily_bytes)), left_(daily_), refilled_(now) {}

  bool admits(const ChunkId& id, TimePoint now) {
    refill(now);
    if (rule_ == FlashRule::kSecond && !seen_before(id)) return false;
    return left_ > 0;
  }
  void set_daily(uint64_t bytes) {
    daily_ = static_cast<double>(bytes);
    left_ = std::min(left_, daily_);
  }
  void set_rule(FlashRule rule) { rule_ = rule; }
  void spend(uint64_t bytes) { left_ -= static_cast<double>(bytes); }

 private:
  void refill(TimePoint now) {
    const std::chrono::duration<double> passed = now - refilled_;
    refilled_ = now;
    left_ = std::min(daily_, left_ + daily_ * (passed / std::chrono::hours(24)));
  }

  bool seen_before(const ChunkId& id) {
    const uint64_t prefix = ChunkIdHash()(id);
    if (seen_.contains(prefix)) return true;
    seen_.insert(prefix);
    order_.push_back(prefix);
    if (order_.size() > kRemembered) {
      seen_.erase(order_.front());
      order_.pop_front();
    }
    return false;
  }

  FlashRule rule_;
  double daily_;
  double left_;  // may be below zero by what the last write cost
  TimePoint refilled_;
  std::unordered_set<uint64_t> seen_;
  std::deque<uint64_t> order_;
};

}  // namespace thaw
