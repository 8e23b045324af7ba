// FillRoom: the part of flash that all fills together may have. What several of them keep takes its room
// once.
//
// Owned by Fills. Any thread may call.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "lib/base/mutex.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class FillRoom {
 public:
  // For one more fill that keeps `id`. False when `most`, of all together, does not suffice.
  bool take(const ChunkId& id, uint64_t bytes, uint64_t most) {
    MutexLock lock(mutex_);
    const auto kept = fills_.find(ChunkIdHash()(id));
    if (kept != fills_.end()) {
      ++kept->second;
      return true;
    }
    if (used_ + bytes > most) return false;
    used_ += bytes;
    fills_.emplace(ChunkIdHash()(id), 1);
    return true;
  }
  // REQUIRES: take() said true, with the same
  void give_back(const ChunkId& id, uint64_t bytes) {
    MutexLock lock(mutex_);
    const auto kept = fills_.find(ChunkIdHash()(id));
    if (--kept->second > 0) return;
    used_ -= bytes;
    fills_.erase(kept);
  }

 private:
  Mutex mutex_;
  uint64_t used_ GUARDED_BY(mutex_) = 0;
  // How many keep a chunk, by the first bytes of its id: those that are the same in two are a little room
  // more.
  std::unordered_map<uint64_t, uint32_t> fills_ GUARDED_BY(mutex_);
};

}  // namespace thaw
