// EvictionNode: one entry of a cache as its eviction policy sees it; the storage embeds one in each entry.
// EvictionList: such nodes from oldest to newest, linked through themselves.
//
// Not thread-safe: guarded by the lock of the storage that owns the nodes. A node stays where it is in memory
// while it is queued.
#pragma once

#include <cstdint>

#include "lib/chunk/sealed_chunk.h"

namespace thaw {

struct EvictionNode {
  ChunkId id;
  uint64_t bytes = 0;  // what the entry costs, all included; fixed while it is queued

  // For the policy alone.
  EvictionNode* older = nullptr;
  EvictionNode* newer = nullptr;
  uint64_t counted_at = 0;  // on the ReferenceClock: its arrival, or its last reference that counted
  uint64_t before = 0;      // the same of the reference before that
  uint8_t references = 0;   // that counted, up to what the policy cares for
  bool is_main = false;     // past its trial
};

struct EvictionList {
  EvictionNode* oldest = nullptr;
  EvictionNode* newest = nullptr;
  uint64_t bytes = 0;
  uint64_t count = 0;

  void push(EvictionNode& node) {
    node.older = newest;
    node.newer = nullptr;
    (newest != nullptr ? newest->newer : oldest) = &node;
    newest = &node;
    bytes += node.bytes;
    ++count;
  }
  void unlink(EvictionNode& node) {
    (node.older != nullptr ? node.older->newer : oldest) = node.newer;
    (node.newer != nullptr ? node.newer->older : newest) = node.older;
    bytes -= node.bytes;
    --count;
  }
};

// Of `capacity` bytes, what newcomers may take before they are the first to leave: a tenth. But not less than
// a few chunks, or what was read ahead would leave before its reader comes.
uint64_t trial_bytes(uint64_t capacity);

}  // namespace thaw
