// Slots: what is in flight somewhere, by priority and by mount, under caps that its owner says each time.
// What waits for one stands in a FairQueue.
//
// Not thread-safe: guarded by its owner's lock, or of its owner's thread.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <unordered_map>

#include "cache/fair_queue.h"

namespace thaw {

inline size_t index_of(Priority priority) { return static_cast<size_t>(priority); }

class Slots {
 public:
  struct Caps {
    uint32_t all = 0;
    uint32_t background = 0;  // read-ahead and prefetch together; the rest is kept for demand
    uint32_t per_mount = 0;
  };
  // Background and each mount get three quarters of all.
  static constexpr Caps caps(uint32_t all) { return {all, all * 3 / 4, all * 3 / 4}; }

  bool may_take(Priority priority, uint64_t mount, const Caps& caps) const {
    const uint32_t all = taken();
    if (all >= caps.all) return false;
    const uint32_t background = all - by_priority_.at(index_of(Priority::kDemand));
    if (priority != Priority::kDemand && background >= caps.background) return false;
    const auto mine = by_mount_.find(mount);
    return mine == by_mount_.end() || mine->second < caps.per_mount;
  }
  void take(Priority priority, uint64_t mount) {
    ++by_priority_.at(index_of(priority));
    ++by_mount_[mount];
  }
  // REQUIRES: take() was called with the same
  void release(Priority priority, uint64_t mount) {
    --by_priority_.at(index_of(priority));
    const auto mine = by_mount_.find(mount);
    if (--mine->second == 0) by_mount_.erase(mine);
  }
  uint32_t taken() const { return std::accumulate(by_priority_.begin(), by_priority_.end(), 0U); }

 private:
  std::array<uint32_t, kPriorityCount> by_priority_{};
  std::unordered_map<uint64_t, uint32_t> by_mount_;
};

}  // namespace thaw
