#include "daemon/wiring.h"

#include <algorithm>

#include "lib/crypto/random.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

OriginLimits limits_of(const ChainOptions& options) {
  OriginLimits limits;
  limits.in_flight = options.origin_in_flight;
  // A quarter is kept for demand; see OriginLimits.
  limits.in_flight_background = std::max(1U, options.origin_in_flight * 3 / 4);
  limits.in_flight_per_mount = std::max(1U, options.origin_in_flight * 3 / 4);
  return limits;
}

// A tier that is not configured is not in the chain.
std::optional<ReadThrough> through(ChunkStore* store, Tier tier, ChunkSource& next,
                                   const Chain::Parts& parts) {
  if (store == nullptr) return std::nullopt;
  return std::make_optional<ReadThrough>(*store, tier, next, parts.counters.tier(tier), &parts.timers);
}

}  // namespace

// memory → single flight → flash → zone → origin
Chain::Chain(const Parts& parts, const ChainOptions& options)
    : counters_(parts.counters),
      origin_({parts.store, parts.cpu, parts.timers, parts.counters.tier(Tier::kOrigin), chunk_key,
               random_number()},
              options.roots, limits_of(options)),
      flash_store_(parts.flash),
      zone_(through(parts.zone, Tier::kZone, origin_, parts)),
      flash_(through(flash_store_, Tier::kFlash, below_flash(), parts)),
      memory_store_(options.memory, parts.counters.tier(Tier::kMemory)),
      single_flight_(memory_store_, below_flight(), origin_, parts.timers),
      memory_(memory_store_, Tier::kMemory, single_flight_, parts.counters.tier(Tier::kMemory)),
      read_ahead_(options.read_ahead_bytes) {}

uint64_t Chain::in_flight(Tier tier) const {
  if (tier == Tier::kMemory) return single_flight_.flights();
  if (tier == Tier::kOrigin) return origin_.state().in_flight;
  return counters_.tiers.at(static_cast<size_t>(tier)).in_flight.load();
}

}  // namespace thaw
