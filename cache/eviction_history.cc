#include "cache/eviction_history.h"

#include <iterator>

namespace thaw {

void EvictionHistory::remember(const ChunkId& id, uint64_t last_used) {
  take(id);
  order_.push_back({id, last_used});
  at_.emplace(id, std::prev(order_.end()));
}

std::optional<uint64_t> EvictionHistory::take(const ChunkId& id) {
  const auto found = at_.find(id);
  if (found == at_.end()) return std::nullopt;
  const uint64_t last_used = found->second->last_used;
  order_.erase(found->second);
  at_.erase(found);
  return last_used;
}

void EvictionHistory::trim(uint64_t count) {
  while (order_.size() > count) {
    at_.erase(order_.front().id);
    order_.pop_front();
  }
}

}  // namespace thaw
