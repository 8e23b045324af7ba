// SlowReads: the reads of one image that waited longest of those that needed more than memory, for `thaw
// explain`. Bounded: a slower one replaces the fastest that is kept.
//
// Shared by the image that is served and whoever explains it. Any thread; a read that is fast enough takes no
// lock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/chunk/journey.h"

namespace thaw {

struct SlowRead {
  std::chrono::system_clock::time_point at;  // when it came
  uint64_t offset = 0;                       // of the image's device, bytes
  uint32_t length = 0;
  uint64_t took_us = 0;
  Tier tier = Tier::kMemory;  // what answered the part that took longest
  Journey journey;            // of that part
  std::string error;          // what the read ended with; empty: it was answered
};

// What the read waited for most, in words.
std::string reason_of(const SlowRead& read);

class SlowReads {
 public:
  static constexpr size_t kKept = 16;

  // Whether one that took so long would be kept.
  bool wants(uint64_t took_us) const { return took_us > floor_us_.load(std::memory_order_relaxed); }
  void note(SlowRead read);

  // The slowest first.
  std::vector<SlowRead> slowest() const;

 private:
  std::atomic<uint64_t> floor_us_{0};  // what the fastest took, once all places are taken
  mutable Mutex mutex_;
  std::vector<SlowRead> reads_ GUARDED_BY(mutex_);  // the slowest first
};

}  // namespace thaw
