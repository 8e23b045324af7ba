// CountersPage: all that the daemon counts, in memory that the supervisor keeps and each worker maps, so that
// the counters survive a worker. Zero-filled at first. Any thread of any process.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "cache/zone/zone_limits.h"
#include "fuse/read_reply.h"
#include "lib/base/digest.h"
#include "lib/chunk/chunk_source.h"
#include "lib/metrics/collection_counters.h"
#include "lib/metrics/latency_histogram.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

// As `thaw stats` and the metrics write them, by Tier.

struct CountersPage {
  static constexpr size_t kBytes = 512 * 1024;  // what the supervisor sets aside
  static constexpr size_t kImages = 1024;       // served at the same time with counters of their own

  struct alignas(64) ImageSlot {
    std::atomic<uint64_t> key;  // 0: free; else the first bytes of the manifest's digest
    ImageCounters counters;
  };

  std::array<TierCounters, kTierCount> tiers;
  ReadCounters reads;
  LatencyHistogram slower;  // answered reads that needed more than memory; for the others see TierCounters
  alignas(64) ZoneCounters zone;
  CollectionCounters collection;
  ImageSlot overflow;  // shared by images that come when all slots are taken
  std::array<ImageSlot, kImages> images;

  TierCounters& tier(Tier tier) { return tiers.at(static_cast<size_t>(tier)); }

  // Adds all answered reads to `latency`.
  void add_latency_to(LatencyHistogram& latency) const;

  // A worker that was killed leaves what it had in flight.
  void forget_in_flight();

  // The image's slot; the same one in each worker. Zero when it is new: what still came for the one that had
  // it before is not its own.
  ImageCounters& image(const Digest& manifest);
  // Frees the image's slot.
  void forget_image(const Digest& manifest);
};

static_assert(sizeof(CountersPage) <= CountersPage::kBytes);

}  // namespace thaw
