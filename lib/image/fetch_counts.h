// How a chunk that was fetched for an image is counted.
#pragma once

#include "lib/chunk/chunk_source.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

inline void count_fetched(ImageCounters& counters, const Fetched& fetched) {
  const auto tier = static_cast<size_t>(fetched.tier);
  // Readers of what is in memory ask for parts of it; see bytes_answered.
  if (fetched.tier == Tier::kMemory) return count(counters.chunks_fetched.at(tier));
  // However many waited for it, it was fetched once.
  if (fetched.journey.joined) return;
  count(counters.chunks_fetched.at(tier));
  count(counters.bytes_fetched.at(tier), fetched.chunk.stored_length());
}

}  // namespace thaw
