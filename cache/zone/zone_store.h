// ZoneStore: the zone tier. Sealed chunks as erasure-coded shards on memcached nodes that all workers of a
// zone share (docs/formats/zone.md). Lossy by nature: what it does not give is a miss and a counter.
//
// A find asks all nodes of a chunk's slot at once and is done with the first k good answers, so that a dead
// or frozen node costs nobody anything; bytes leave as a SealedChunk or not at all. Reads that wait for a
// slot stand in a FairQueue, and no longer than ZoneLimits::turn. A put is detached and may be dropped.
//
// Any thread may call; nothing blocks but drain(). Completions run on the loop's thread or on `cpu`; no lock
// is held meanwhile. Everything else belongs to the loop's thread. Before loop and cpu end: shut_down(), then
// drain(). REQUIRES at destruction: they have ended.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/expedite.h"
#include "cache/fair_queue.h"
#include "cache/slots.h"
#include "cache/zone/zone_read.h"
#include "lib/chunk/chunk_store.h"

namespace thaw {

class ZoneStore final : public ChunkStore, public Expedite, private ZoneReadOwner {
 public:
  struct Parts {
    EventLoop& loop;
    CpuQueue& cpu;
    TierCounters& tier;  // errors: shards that were bad or late; hits and misses are ReadThrough's
    ZoneCounters& counters;
    NameLookup names;
    uint64_t jitter_seed = 0;  // another one in every process, or a fleet's probes come in step
    // Told, on the loop's thread, of a node that does not let us in or says that it cannot: one line, once
    // until it answers again.
    std::function<void(const std::string& line)> refused = {};
  };

  // kUsage: shard counts that are not possible, or fewer nodes than shards.
  static Result<std::unique_ptr<ZoneStore>> create(const Parts& parts, unsigned data_shards,
                                                   unsigned parity_shards, std::vector<ZoneNode> nodes,
                                                   const ZoneLimits& limits = {});
  ~ZoneStore() override;

  void find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) override;
  void put(const SealedChunk& chunk) override;
  void drop(const SealedChunk& chunk) override;
  void expedite(const ChunkRef& ref, const Fetch& fetch) override;

  // Computes the placement in this call (milliseconds; a second for hundreds of nodes), and changes over
  // later. kUsage, changing nothing, for fewer nodes than shards.
  Status set_nodes(std::vector<ZoneNode> nodes);

  // From now on, of `limits`: how many reads are in flight, how many bytes of fills and repairs under way,
  // and what a node is given of them a second. The others stay.
  void set_limits(const ZoneLimits& limits);

  // What is open, and whatever is asked later, is a miss; nothing more is written.
  void shut_down();
  // Blocks until nothing is under way. REQUIRES: not called on the loop's thread or on `cpu`
  void drain() { activity_.wait_until_idle(); }

 private:
  ZoneStore(const Parts& parts, ErasureCode code, const ZoneLimits& limits);

  void left_slot(ZoneRead& read) override;
  void waits_for_slot(ZoneRead& read) override;
  void ended(ZoneRead& read) override;

  void raise(const ChunkRef& ref, const Fetch& fetch);
  void enqueue(std::unique_ptr<ZoneRead> read);
  void pump();
  void take_turn(ZoneRead& read);
  void watch_queue();
  void sweep_queue(TimePoint due);
  bool may_start(Priority priority, uint64_t mount) const;

  const Parts parts_;
  const ErasureCode code_;
  const ZoneLimits limits_;
  Activity activity_;
  std::atomic<bool> closed_ = false;

  // Of the loop's thread.
  uint32_t kept_chunks_ = 0;
  ZoneMembers members_;
  ZoneWriter writer_;
  const ZoneRead::Parts read_parts_;
  Slots::Caps read_caps_;
  std::unordered_map<ZoneRead*, std::unique_ptr<ZoneRead>> reads_;
  FairQueue<ZoneRead*> queue_;
  std::set<std::pair<TimePoint, ZoneRead*>> waiting_;  // those in queue_, by their deadlines
  TimePoint watched_ = TimePoint::max();
  Slots slots_;
  bool pumping_ = false;
};

}  // namespace thaw
