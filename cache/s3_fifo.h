// S3Fifo: decides which chunk leaves a cache, after "FIFO queues are all you need for cache eviction" (Yang
// et al., SOSP 2023). A newcomer waits in a small queue and leaves it again unless it was asked for twice;
// what was asked for moves to the main queue, a FIFO with second chances; those that left the small queue are
// remembered and go straight to the main queue when they come back.
//
// One of the policies of Eviction (cache/eviction.h), which says what each function is. Not thread-safe.
#pragma once

#include <cstdint>

#include "cache/eviction_history.h"
#include "cache/eviction_node.h"
#include "cache/reference_clock.h"

namespace thaw {

class S3Fifo {
 public:
  explicit S3Fifo(uint64_t capacity) : capacity_(capacity) {}
  S3Fifo(const S3Fifo&) = delete;
  S3Fifo& operator=(const S3Fifo&) = delete;

  void set_capacity(uint64_t capacity) { capacity_ = capacity; }
  void insert(EvictionNode& node);
  void touch(EvictionNode& node);
  void erase(EvictionNode& node);
  EvictionNode* evict();
  uint64_t bytes() const { return small_.bytes + main_.bytes + history_.bytes(); }

 private:
  uint64_t count() const { return small_.count + main_.count; }
  EvictionNode* evict_from_small();
  EvictionNode* evict_from_main();

  uint64_t capacity_;
  ReferenceClock clock_;
  EvictionList small_;
  EvictionList main_;
  EvictionHistory history_;  // at most as many as there are nodes
};

}  // namespace thaw
