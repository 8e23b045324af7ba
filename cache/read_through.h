// ReadThrough: one tier in front of the next; the only miss path. What the store lacks is fetched from the
// next source, answered, and put into the store; a fill is detached, and its failure no error.
//
// Owned by the daemon's wiring, which keeps store, next and counters alive until all completions have run.
// Any thread may call; holds no lock and no state.
#pragma once

#include "lib/chunk/chunk_source.h"
#include "lib/chunk/chunk_store.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

class ReadThrough final : public ChunkSource {
 public:
  // `tier` names the store in what was Fetched from it. `counters`: hits, misses, and bytes of the hits; with
  // `clock` also how long look-ups take. nullptr: that would cost more than the store itself.
  ReadThrough(ChunkStore& store, Tier tier, ChunkSource& next, TierCounters& counters,
              const Clock* clock = nullptr)
      : store_(store), tier_(tier), next_(next), counters_(counters), clock_(clock) {}

  void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) override;

 private:
  struct LookUp {
    const ChunkRef& ref;
    const Fetch& fetch;
    Duration took;
  };
  // Ends a look-up that began at `start`.
  Duration time_since(TimePoint start);
  void looked_up(const LookUp& asked, Result<std::optional<SealedChunk>> found, Completion<Fetched> done);
  void fetched(Result<Fetched> result, Completion<Fetched> done);

  ChunkStore& store_;
  const Tier tier_;
  ChunkSource& next_;
  TierCounters& counters_;
  const Clock* const clock_;
};

}  // namespace thaw
