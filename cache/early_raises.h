// EarlyRaises: which fetches became more urgent before they came here. A reader that joins a prefetch while
// its look-up in flash or in the zone runs raises a fetch that the origin does not know yet.
//
// Not thread-safe: guarded by its owner's lock. Bounded: beyond kMaxRemembered the oldest is forgotten, as is
// what does not come within kRemembered (it was found on the way).
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <unordered_map>
#include <utility>

#include "lib/base/clock.h"
#include "lib/chunk/chunk_source.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class EarlyRaises {
 public:
  static constexpr size_t kMaxRemembered = 4096;
  static constexpr std::chrono::seconds kRemembered{5};

  void remember(const ChunkRef& ref, const Fetch& fetch, TimePoint now) {
    forget_expired(now);
    const auto [raised, is_new] = raised_.try_emplace(ref, fetch);
    if (!is_new) {
      raise(raised->second, fetch);
      return;
    }
    order_.emplace_back(now + kRemembered, ref);
    if (order_.size() > kMaxRemembered) forget_oldest();
  }

  // `fetch` as urgent as it has become.
  Fetch applied(const ChunkRef& ref, Fetch fetch, TimePoint now) {
    forget_expired(now);
    const auto raised = raised_.find(ref);
    if (raised != raised_.end()) raise(fetch, raised->second);
    return fetch;
  }

 private:
  static void raise(Fetch& fetch, const Fetch& to) {
    fetch.deadline = std::max(fetch.deadline, to.deadline);
    if (to.priority >= fetch.priority) return;
    fetch.priority = to.priority;
    fetch.mount = to.mount;
  }

  void forget_expired(TimePoint now) {
    while (!order_.empty() && order_.front().first <= now) forget_oldest();
  }
  void forget_oldest() {
    raised_.erase(order_.front().second);
    order_.pop_front();
  }

  std::deque<std::pair<TimePoint, ChunkRef>> order_;
  std::unordered_map<ChunkRef, Fetch, ChunkRefHash> raised_;
};

}  // namespace thaw
