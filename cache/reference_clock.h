// ReferenceClock: tells a chunk that is used again from one that is merely read in several requests. A reader
// takes a chunk of 512 KiB in four requests of 128 KiB, or in a hundred small ones, with those of other
// readers between them; that is one reference, and a policy that counted each would take every scan for a hot
// set ("correlated references", O'Neil et al., SIGMOD 1993).
//
// Time is requests: one for the same chunk as the one before takes none, an arrival as many as a chunk needs.
// References to a chunk count that come more than a period after its arrival or the last one that counted; a
// period is a share of what the cache holds.
//
// Not thread-safe: part of a policy, guarded by the same lock.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cache/eviction_node.h"

namespace thaw {

class ReferenceClock {
 public:
  static constexpr uint64_t kRequestsPerChunk = 4;  // of the kernel's largest, by default
  static constexpr uint64_t kPeriodShare = 64;
  static constexpr uint64_t kLeastPeriod = 2 * kRequestsPerChunk;

  void arrive(EvictionNode& node) {
    now_ += kRequestsPerChunk;
    node.counted_at = now_;
    last_ = &node;
  }
  // Somebody asked for it, of `held` chunks: whether that counts. If so, it is now its last reference.
  bool count(EvictionNode& node, uint64_t held) {
    if (&node == last_) return false;
    last_ = &node;
    ++now_;
    const uint64_t period = std::max(held * kRequestsPerChunk / kPeriodShare, kLeastPeriod);
    if (now_ - node.counted_at <= period) return false;
    node.counted_at = now_;
    return true;
  }

 private:
  uint64_t now_ = 0;
  const EvictionNode* last_ = nullptr;  // only compared: the node may be gone
};

}  // namespace thaw
