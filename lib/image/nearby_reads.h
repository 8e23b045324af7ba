// NearbyReads: when chunks come from far away and one after the other, asks also for those whose paths lie
// beside the one that a reader waits for: a program that imports a file soon wants its neighbours.
//
// The builder leaves the order of the paths with the image (lib/manifest/trace.h); without it nothing is
// guessed. It guesses while misses take long (kFar) and as much as earlier guesses were of use: a chunk that
// nobody reads costs credit, one that is read earns it. Where misses are quick, one in kProbeEach is
// accompanied, to notice when that changes.
//
// Shared by the image's reader and the fetches that it started. Any thread; no lock is held across a fetch.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/mutex.h"
#include "lib/chunk/chunk_source.h"
#include "lib/image/image_map.h"
#include "lib/image/read_ahead.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

class NearbyReads : public std::enable_shared_from_this<NearbyReads> {
 public:
  static constexpr Duration kFar = std::chrono::milliseconds(5);
  static constexpr uint32_t kReach = 4;       // paths' chunks on either side, at most
  static constexpr uint32_t kSamples = 8;     // fetches before their time is believed
  static constexpr uint32_t kProbeEach = 64;  // misses

  // `clock` outlives it, as do the parts.
  NearbyReads(std::shared_ptr<const ImageMap> map, const AheadParts& parts, const Clock& clock)
      : map_(std::move(map)), parts_(parts), clock_(clock) {}

  // The image's chunks in the order of their paths, as places on the device; what is not of this image is
  // passed over. The first call counts.
  void learn(const std::vector<uint32_t>& path_order);

  // A reader asks for this entry of the map. Cheap: every read calls it.
  void read(size_t entry) {
    if (!learned_.load(std::memory_order_acquire)) return;
    if (guessed_[entry].load(std::memory_order_relaxed)) came_true(entry);
  }
  // It was not in memory; the reader waits.
  void missed(size_t entry, const Fetch& fetch);

 private:
  // A guess costs kCost; one that comes true earns kEarned, so that a quarter of them must.
  static constexpr int kCost = 1;
  static constexpr int kEarned = 4;
  static constexpr int kMostCredit = 64;

  void came_true(size_t entry);
  std::vector<uint32_t> choose(size_t entry) REQUIRES(mutex_);
  void guess(uint64_t rank, std::vector<uint32_t>& guesses) REQUIRES(mutex_);
  uint32_t reach() REQUIRES(mutex_);
  // What the budget has no room for costs nothing.
  void ask(uint32_t entry, const Fetch& fetch) EXCLUDES(mutex_);
  void arrived(TimePoint start, const Result<Fetched>& result);

  const std::shared_ptr<const ImageMap> map_;
  const AheadParts parts_;
  const Clock& clock_;

  std::atomic<bool> learned_{false};
  std::vector<std::atomic<bool>> guessed_;  // by entry; made before learned_
  std::vector<uint32_t> order_;             // entries; the same
  std::vector<uint32_t> rank_;              // by entry, in order_; the same

  Mutex mutex_;
  int credit_ GUARDED_BY(mutex_) = kMostCredit;
  uint32_t samples_ GUARDED_BY(mutex_) = 0;
  Duration average_ GUARDED_BY(mutex_){};  // of what fetches took, the last ones weighing most
  uint64_t misses_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
