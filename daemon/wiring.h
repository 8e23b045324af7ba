// Chain: the tiers of the read path, constructed and joined in one place.
//
// Owned by the worker. What is passed in must outlive it; requests must have stopped, and executors and
// timers must complete nothing any more, when it goes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cache/flash/flash_store.h"
#include "cache/memory_store.h"
#include "cache/origin.h"
#include "cache/read_through.h"
#include "cache/single_flight.h"
#include "cache/zone/zone_store.h"
#include "daemon/counters_page.h"
#include "lib/base/timers.h"
#include "lib/image/held_chunks.h"
#include "lib/image/read_ahead.h"
#include "lib/store/object_store.h"

namespace thaw {

struct ChainOptions {
  MemoryOptions memory;
  uint32_t origin_in_flight = 0;
  ReadAheadBudget::Limits read_ahead;
  uint64_t held_bytes = 0;         // of HeldChunks
  std::vector<std::string> roots;  // readable, newest first
};

class Chain {
 public:
  struct Parts {
    ObjectReader& store;
    CpuQueue& cpu;
    Timers& timers;
    CountersPage& counters;
    FlashStore* flash;  // nullptr: there is no such tier
    ZoneStore* zone;    // the same
  };

  Chain(const Parts& parts, const ChainOptions& options);

  ChunkSource& source() { return memory_; }
  MemoryStore& memory() { return memory_store_; }
  Origin& origin() { return origin_; }
  FlashStore* flash() { return flash_store_; }
  // The tiers that may hold a chunk, the store not among them, nearest first.
  std::vector<ChunkStore*> caches();
  // What is under way in a tier: for memory, chunks that are fetched into it; for the origin, requests.
  uint64_t in_flight(Tier tier) const;
  ReadAheadBudget& read_ahead() { return read_ahead_; }
  HeldChunks& held() { return held_; }

  // Requests to the store at the same time, from now on.
  void set_origin_in_flight(uint32_t in_flight);

 private:
  ChunkSource& below_flash() { return zone_ ? static_cast<ChunkSource&>(*zone_) : origin_; }
  ChunkSource& below_flight() { return flash_ ? *flash_ : below_flash(); }

  const CountersPage& counters_;
  HeldChunks held_;
  // In the order in which a fetch goes down, last to first.
  Origin origin_;
  FlashStore* const flash_store_;
  ZoneStore* const zone_store_;
  std::optional<ReadThrough> zone_;
  std::optional<ReadThrough> flash_;
  MemoryStore memory_store_;
  ExpediteAll expedite_;  // by where a fetch may be
  SingleFlight single_flight_;
  ReadThrough memory_;
  ReadAheadBudget read_ahead_;
};

}  // namespace thaw
