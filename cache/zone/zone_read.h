// ZoneRead: one chunk's way out of the zone. Asks for all its shards at once and is done with the first k
// whose headers are right; joins and verifies them on the CPU, which begins with the first (ShardJoin). When
// the bytes are wrong it asks once more for all of them, into memory of their own, and tries which k give the
// chunk. What is missing or bad beside a chunk that was found is written back. What the zone lacks one worker
// claims, for which it is a miss at once; the others wait a moment for its fill.
//
// Belongs to the loop's thread, apart from the CPU's turns, during which it does not touch what they use. The
// answer may run on either. It outlives its answer until all its requests are answered.
#pragma once

#include <optional>
#include <vector>

#include "cache/cpu_queue.h"
#include "cache/zone/activity.h"
#include "cache/zone/shard_join.h"
#include "cache/zone/zone_members.h"
#include "cache/zone/zone_writer.h"
#include "lib/chunk/chunk_source.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

class ZoneRead;

// Who keeps the reads.
class ZoneReadOwner {
 public:
  virtual ~ZoneReadOwner() = default;
  // Its memory is free: it was answered, or waits for another worker's fill.
  virtual void left_slot(ZoneRead& read) = 0;
  // It has waited, and is to be started again when it is its turn.
  virtual void waits_for_slot(ZoneRead& read) = 0;
  // It is over: destroys it. After answered().
  virtual void ended(ZoneRead& read) = 0;
};

class ZoneRead {
 public:
  struct Parts {
    EventLoop& loop;
    CpuQueue& cpu;
    const ErasureCode& code;
    const ZoneLimits& limits;
    TierCounters& tier;
    ZoneCounters& counters;
    ZoneMembers& members;
    ZoneWriter& writer;
    ZoneReadOwner& owner;
    uint32_t& kept_chunks;  // see ZoneLimits
    Activity& activity;
  };

  ZoneRead(const Parts& parts, const ChunkRef& ref, const Fetch& fetch, TimePoint deadline,
           Completion<std::optional<SealedChunk>> done, Activity::Token token);

  const ChunkRef& ref() const { return ref_; }
  const Fetch& fetch() const { return fetch_; }
  // A more urgent reader has joined; not a later deadline.
  void raise(const Fetch& fetch);
  // What it counted as when it took its slot.
  Fetch slot;
  TimePoint deadline() const { return deadline_; }
  // Nobody needs the answer any more, or it comes too late.
  bool is_stale() const { return fetch_.stop.stop_requested() || parts_.loop.now() >= deadline_; }

  // Both may end it inside the call. Started again after it waited for a slot once more.
  void start();
  void miss();

 private:
  enum class Phase : uint8_t {
    kReading,
    kJoining,
    kReadingAgain,
    kSalvaging,
    kClaiming,
    kWaiting,
    kAnswered
  };
  enum class State : uint8_t { kAbsent, kAsked, kGood, kMissing, kBad, kLate, kUnneeded };
  struct Shard {
    State state = State::kAbsent;
    ZoneMember* member = nullptr;  // while it is asked
    MemcachedNode::Ticket ticket;
  };

  void ask_all(TimePoint now, TimePoint latest, const std::vector<MutableBytes>& payloads);
  void shard_answered(unsigned round, unsigned index, ZoneMember& member, const Result<NodeReply>& reply);
  State judge(unsigned index, const Result<NodeReply>& reply) const;
  void note(ZoneMember& member, State state, const Result<NodeReply>& reply);
  unsigned count_of(State state) const;
  void step();
  void discard_asked();

  void join_soon();
  unsigned leading_data() const;
  bool has_all_data() const { return leading_data() == parts_.code.data_shards(); }
  std::vector<bool> present() const;
  void join();
  void joined(std::optional<SealedChunk> chunk);
  void lacking();
  void claimed(const Result<NodeReply>& reply);
  void wait_for_fill();
  void read_again();
  void salvage();
  void salvaged(const SalvagedChunk& result);
  void set_answered(std::optional<SealedChunk> chunk);
  void keep_chunk(std::optional<SealedChunk> chunk);
  void repair(const SealedChunk& chunk);
  void free_memory();
  void wrap_up();

  const Parts& parts_;
  const ChunkRef ref_;
  Fetch fetch_;
  TimePoint deadline_;  // then it is a miss: of its wait for a turn, of its turn, of its wait for a fill
  Completion<std::optional<SealedChunk>> done_;
  const Activity::Token token_;

  Phase phase_ = Phase::kReading;
  unsigned round_ = 0;
  bool asking_ = false;
  bool asking_to_join_ = false;
  unsigned open_requests_ = 0;  // of all rounds
  bool claim_lost_ = false;
  Duration next_look_;
  uint64_t generation_ = 0;  // of the members, when they were asked
  std::vector<Shard> shards_;
  std::vector<ShardHeader> headers_;
  std::shared_ptr<ShardJoin> join_;      // while it is read, and joined
  std::optional<ShardBuffers> buffers_;  // when it is read again
  std::optional<SealedChunk> kept_;      // until the last shard was answered
};

}  // namespace thaw
