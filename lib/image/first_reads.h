// FirstReads: in which order an image's chunks are first asked for by readers, for as long as somebody wants
// to know. Each time that it begins again is another recording; the first is under way from the start.
//
// Shared by the image's reader and whoever makes a trace of it. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "lib/base/mutex.h"

namespace thaw {

class FirstReads {
 public:
  // `entries`: of the image's map; `most`: what is remembered of them.
  FirstReads(size_t entries, size_t most) : most_(most), seen_(entries) {}

  // A reader asks for this entry of the map.
  void note(size_t entry) {
    if (!recording_.load(std::memory_order_relaxed)) return;
    // Most reads are of what was read before: they take no lock.
    std::atomic<bool>& seen = seen_[entry];
    if (seen.load(std::memory_order_relaxed) || seen.exchange(true, std::memory_order_relaxed)) return;
    MutexLock lock(mutex_);
    if (order_.size() < most_) order_.push_back(static_cast<uint32_t>(entry));
  }

  // Entries of the map, in order.
  std::vector<uint32_t> order() const {
    MutexLock lock(mutex_);
    return order_;
  }
  // The recording that began last.
  uint32_t recording() const {
    MutexLock lock(mutex_);
    return number_;
  }
  // Nothing more is remembered. False, and it goes on, when another recording has begun since.
  bool finish(uint32_t recording) {
    MutexLock lock(mutex_);
    if (recording != number_) return false;
    recording_.store(false, std::memory_order_relaxed);
    return true;
  }
  // Forgets all and begins again.
  void restart() {
    MutexLock lock(mutex_);
    ++number_;
    order_.clear();
    for (std::atomic<bool>& seen : seen_) seen.store(false, std::memory_order_relaxed);
    recording_.store(true, std::memory_order_relaxed);
  }

 private:
  const size_t most_;
  std::atomic<bool> recording_{true};
  mutable Mutex mutex_;
  std::vector<std::atomic<bool>> seen_;  // never resized
  std::vector<uint32_t> order_ GUARDED_BY(mutex_);
  uint32_t number_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
