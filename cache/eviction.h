// Eviction: decides which chunk leaves a cache, by one of the policies that `memory.eviction` names.
//
// Only orders: the storage owns the entries, embeds an EvictionNode in each, and removes what evict() names.
// Not thread-safe: guarded by its owner's lock.
#pragma once

#include <cstdint>
#include <variant>

#include "cache/eviction_node.h"
#include "cache/lru_k.h"
#include "cache/s3_fifo.h"

namespace thaw {

enum class EvictionRule : uint8_t { kS3Fifo, kLruK };

class Eviction {
 public:
  Eviction(EvictionRule rule, uint64_t capacity);

  void set_capacity(uint64_t capacity);

  // REQUIRES: node is not queued, and stays where it is in memory until it was evicted or erased
  void insert(EvictionNode& node);
  // It was asked for. REQUIRES: node is queued
  void touch(EvictionNode& node);
  // REQUIRES: node is queued
  void erase(EvictionNode& node);
  // Takes the next to go out of its queue; nullptr when nothing is queued.
  EvictionNode* evict();

  // Of all queued nodes and of what is remembered of those that left.
  uint64_t bytes() const;

 private:
  std::variant<S3Fifo, LruK> policy_;
};

}  // namespace thaw
