#include "daemon/wiring.h"

#include <algorithm>

#include "lib/crypto/random.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

// A quarter is kept for demand; see OriginLimits.
Origin::InFlight shares_of(uint32_t in_flight) {
  const uint32_t share = std::max(1U, in_flight * 3 / 4);
  return {in_flight, share, share};
}

OriginLimits limits_of(const ChainOptions& options) {
  const Origin::InFlight shares = shares_of(options.origin_in_flight);
  OriginLimits limits;
  limits.in_flight = shares.all;
  limits.in_flight_background = shares.background;
  limits.in_flight_per_mount = shares.per_mount;
  return limits;
}

// A tier that is not configured is not in the chain.
std::optional<ReadThrough> through(ChunkStore* store, Tier tier, ChunkSource& next,
                                   const Chain::Parts& parts) {
  if (store == nullptr) return std::nullopt;
  return std::make_optional<ReadThrough>(*store, tier, next, parts.counters.tier(tier), &parts.timers);
}

std::vector<Expedite*> queues_of(const Chain::Parts& parts, Origin& origin) {
  std::vector<Expedite*> queues;
  if (parts.flash != nullptr) queues.push_back(parts.flash);
  if (parts.zone != nullptr) queues.push_back(parts.zone);
  queues.push_back(&origin);
  queues.push_back(&parts.cpu);
  return queues;
}

}  // namespace

// memory → single flight → flash → zone → origin
Chain::Chain(const Parts& parts, const ChainOptions& options)
    : counters_(parts.counters),
      held_(options.held_bytes, parts.timers),
      origin_({parts.store, parts.cpu, parts.timers, parts.counters.tier(Tier::kOrigin), chunk_key,
               random_number()},
              options.roots, limits_of(options)),
      flash_store_(parts.flash),
      zone_store_(parts.zone),
      zone_(through(parts.zone, Tier::kZone, origin_, parts)),
      flash_(through(flash_store_, Tier::kFlash, below_flash(), parts)),
      memory_store_(options.memory, parts.counters.tier(Tier::kMemory)),
      expedite_(queues_of(parts, origin_)),
      single_flight_(memory_store_, below_flight(), expedite_, parts.timers),
      memory_(memory_store_, Tier::kMemory, single_flight_, parts.counters.tier(Tier::kMemory)),
      read_ahead_(options.read_ahead) {}

std::vector<ChunkStore*> Chain::caches() {
  std::vector<ChunkStore*> caches{&memory_store_};
  for (ChunkStore* cache : {static_cast<ChunkStore*>(flash_store_), static_cast<ChunkStore*>(zone_store_)}) {
    if (cache != nullptr) caches.push_back(cache);
  }
  return caches;
}

void Chain::set_origin_in_flight(uint32_t in_flight) { origin_.set_in_flight(shares_of(in_flight)); }

uint64_t Chain::in_flight(Tier tier) const {
  if (tier == Tier::kMemory) return single_flight_.flights();
  if (tier == Tier::kOrigin) return origin_.state().in_flight;
  return counters_.tiers.at(static_cast<size_t>(tier)).in_flight.load();
}

}  // namespace thaw
