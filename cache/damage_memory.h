// DamageMemory: which chunks were found damaged a moment ago. The page cache asks for a failed page twice,
// and a reader may loop: within the time to remember they are answered without asking the store again.
//
// Not thread-safe: guarded by its owner's lock. Bounded: beyond kMaxRemembered the oldest is forgotten.
#pragma once

#include <deque>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class DamageMemory {
 public:
  static constexpr size_t kMaxRemembered = 1024;

  explicit DamageMemory(Duration time) : time_(time) {}

  void remember(const ChunkRef& ref, const Error& error, TimePoint now) {
    forget_expired(now);
    if (!errors_.emplace(ref, error).second) return;
    order_.emplace_back(now + time_, ref);
    if (order_.size() > kMaxRemembered) forget_oldest();
  }

  // The error, or nullptr.
  const Error* find(const ChunkRef& ref, TimePoint now) {
    forget_expired(now);
    const auto found = errors_.find(ref);
    return found == errors_.end() ? nullptr : &found->second;
  }

 private:
  void forget_expired(TimePoint now) {
    while (!order_.empty() && order_.front().first <= now) forget_oldest();
  }
  void forget_oldest() {
    errors_.erase(order_.front().second);
    order_.pop_front();
  }

  Duration time_;
  std::deque<std::pair<TimePoint, ChunkRef>> order_;
  std::unordered_map<ChunkRef, Error, ChunkRefHash> errors_;
};

}  // namespace thaw
