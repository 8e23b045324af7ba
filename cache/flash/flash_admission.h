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
      : rule_(rule), daily_(static_cast<double>(daily_bytes)), forgotten_(now) {}

  // Whether the rule wants a chunk that was fetched; remembers that it was.
  bool wants(const ChunkId& id) { return rule_ == FlashRule::kAll || seen_before(id); }
  // What may be written now.
  uint64_t left(TimePoint now) {
    forget(now);
    return static_cast<uint64_t>(std::max(0.0, daily_ - spent_));
  }
  // Of the last 24 h, more or less: what a later process begins with.
  uint64_t spent(TimePoint now) {
    forget(now);
    return static_cast<uint64_t>(spent_);
  }
  void spend(uint64_t bytes) { spent_ += static_cast<double>(bytes); }
  // An earlier process had spent so much, so long ago.
  void resume(uint64_t spent, Duration ago, TimePoint now) {
    forgotten_ = now - ago;
    spent_ = std::min(daily_, static_cast<double>(spent));
    forget(now);
  }
  // More or less than before is at hand at once; what was spent beyond a smaller budget is forgiven.
  void set_daily(uint64_t bytes) {
    daily_ = static_cast<double>(bytes);
    spent_ = std::min(spent_, daily_);
  }
  void set_rule(FlashRule rule) { rule_ = rule; }

 private:
  void forget(TimePoint now) {
    const std::chrono::duration<double> passed = now - forgotten_;
    forgotten_ = now;
    spent_ = std::max(0.0, spent_ - daily_ * (passed / std::chrono::hours(24)));
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
  double spent_ = 0;  // may be above daily_ by what the last write cost
  TimePoint forgotten_;
  std::unordered_set<uint64_t> seen_;
  std::deque<uint64_t> order_;
};

}  // namespace thaw
