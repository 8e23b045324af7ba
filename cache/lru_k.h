// LruK: decides which chunk leaves a cache, after "The LRU-K page replacement algorithm" (O'Neil et al.,
// SIGMOD 1993) with K = 2: the one whose reference before the last is the longest ago; before these, those
// that have no two references, the least recently used first. What leaves is remembered with its last
// reference, so that it has two when it comes back.
//
// Two things are Thaw's own. An arrival is no reference, as it may have been read ahead for nobody; a return
// is one. And newcomers leave first only beyond trial_bytes(): the paper's period in which a page that came
// is not replaced.
//
// One of the policies of Eviction (cache/eviction.h), which says what each function is. Not thread-safe.
#pragma once

#include <cstdint>
#include <set>

#include "cache/eviction_history.h"
#include "cache/eviction_node.h"
#include "cache/reference_clock.h"

namespace thaw {

class LruK {
 public:
  explicit LruK(uint64_t capacity) : capacity_(capacity) {}
  LruK(const LruK&) = delete;
  LruK& operator=(const LruK&) = delete;

  void set_capacity(uint64_t capacity) { capacity_ = capacity; }
  void insert(EvictionNode& node);
  void touch(EvictionNode& node);
  void erase(EvictionNode& node);
  EvictionNode* evict();
  uint64_t bytes() const { return trial_.bytes + main_bytes_ + history_.bytes(); }

 private:
  struct ByReferenceBefore {
    bool operator()(const EvictionNode* a, const EvictionNode* b) const {
      return a->before != b->before ? a->before < b->before : a < b;
    }
  };

  uint64_t count() const { return trial_.count + main_.size(); }
  void add_to_main(EvictionNode& node, uint64_t before);

  uint64_t capacity_;
  ReferenceClock clock_;
  EvictionList trial_;  // fewer than two references, the least recently used first
  std::set<EvictionNode*, ByReferenceBefore> main_;
  uint64_t main_bytes_ = 0;
  EvictionHistory history_;  // at most as many as there are nodes
};

}  // namespace thaw
