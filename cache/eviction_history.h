// EvictionHistory: chunks that left a cache not long ago, and when each was last used, so that one that comes
// back is known.
//
// Not thread-safe: part of a policy, guarded by the same lock. Its owner bounds it with trim().
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class EvictionHistory {
 public:
  // What one remembered chunk costs: an element of both containers, with the allocator's share.
  static constexpr uint64_t kBytesEach = 176;

  void remember(const ChunkId& id, uint64_t last_used);
  // Forgets it and says when it was last used; nothing when it is not remembered.
  std::optional<uint64_t> take(const ChunkId& id);
  // Forgets the oldest, down to `count`.
  void trim(uint64_t count);

  uint64_t bytes() const { return order_.size() * kBytesEach; }

 private:
  struct Gone {
    ChunkId id;
    uint64_t last_used = 0;
  };
  std::list<Gone> order_;  // in the order in which they left
  std::unordered_map<ChunkId, std::list<Gone>::iterator, ChunkIdHash> at_;
};

}  // namespace thaw
