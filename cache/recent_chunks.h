// RecentChunks<Value>: what was learnt of chunks a moment ago. Forgotten after a while.
//
// Not thread-safe: guarded by its owner's lock. Bounded: beyond kMaxRemembered the oldest is forgotten.
#pragma once

#include <deque>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

template <class Value>
class RecentChunks {
 public:
  static constexpr size_t kMaxRemembered = 1024;

  explicit RecentChunks(Duration time) : time_(time) {}

  // What is remembered already stays as it is, and no longer.
  void remember(const ChunkRef& ref, const Value& value, TimePoint now) {
    forget_expired(now);
    if (!values_.emplace(ref, value).second) return;
    order_.emplace_back(now + time_, ref);
    if (order_.size() > kMaxRemembered) forget_oldest();
  }

  // nullptr when there is nothing; good until the next call.
  Value* find(const ChunkRef& ref, TimePoint now) {
    forget_expired(now);
    const auto found = values_.find(ref);
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  void forget_expired(TimePoint now) {
    while (!order_.empty() && order_.front().first <= now) forget_oldest();
  }
  void forget_oldest() {
    values_.erase(order_.front().second);
    order_.pop_front();
  }

  Duration time_;
  std::deque<std::pair<TimePoint, ChunkRef>> order_;
  std::unordered_map<ChunkRef, Value, ChunkRefHash> values_;
};

}  // namespace thaw
