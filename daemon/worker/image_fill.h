// ImageFill: fetches all of an image at the lowest priority, a batch at a time, no faster than the flash tier
// writes: what it cannot take is lost to it.
//
// Owns itself from start() on; runs on a timer's thread and on those that complete its fetches. What is
// passed in must outlive it.
#pragma once

#include <memory>
#include <vector>

#include "cache/flash/flash_store.h"
#include "cache/prefetch.h"
#include "lib/base/timers.h"

namespace thaw {

class ImageFill : public std::enable_shared_from_this<ImageFill> {
 public:
  static constexpr size_t kBatch = 16;  // chunks
  static constexpr uint64_t kFlashBacklog = 8ULL
                                            << 20;  // bytes that wait to be written, and no more is fetched
  static constexpr Duration kStep = std::chrono::milliseconds(20);

  struct Parts {
    ChunkSource& source;
    Timers& timers;
    const FlashStore* flash;  // nullptr: there is no such tier
  };

  // `plan` names all chunks.
  static void start(const Parts& parts, PrefetchPlan plan);

 private:
  ImageFill(const Parts& parts, PrefetchPlan plan) : parts_(parts), plan_(std::move(plan)) {}

  void step();

  const Parts parts_;
  const PrefetchPlan plan_;
  size_t next_ = 0;  // of the timer's thread, like all below
  std::shared_ptr<Prefetch> batch_;
};

}  // namespace thaw
