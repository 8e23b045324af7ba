// ZoneWriter: what is written to the zone: fills, repairs, deletions. All of it is detached and lossy: what a
// limit does not allow is dropped and counted.
//
// fill() may be called by any thread and never blocks; the rest belongs to the loop's thread. Shards are
// encoded on `cpu`. REQUIRES at destruction: loop and cpu run nothing any more.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "cache/cpu_queue.h"
#include "cache/zone/activity.h"
#include "cache/zone/shard_codec.h"
#include "cache/zone/zone_members.h"

namespace thaw {

class ZoneWriter {
 public:
  struct Parts {
    EventLoop& loop;
    CpuQueue& cpu;
    const ErasureCode& code;
    ZoneMembers& members;
    ZoneCounters& counters;
    Activity& activity;
  };

  ZoneWriter(Parts parts, const ZoneLimits& limits)
      : parts_(parts), limits_(limits), write_bytes_(limits.write_bytes) {}

  // Any thread.
  void set_write_bytes(uint64_t bytes) { write_bytes_.store(bytes, std::memory_order_relaxed); }

  // Whether the limits would allow a fill of this chunk now.
  bool has_room(const ChunkRef& ref) const;
  // Writes all shards of a chunk.
  void fill(const SealedChunk& chunk);
  // Writes those that are `wanted`.
  void repair(const SealedChunk& chunk, const std::vector<bool>& wanted);
  // Deletes those that are in `which`.
  void remove(const ChunkRef& ref, const std::vector<bool>& which);

 private:
  // A share of the limits, given back when the last shard was answered.
  struct Permit {
    ZoneWriter& writer;
    uint64_t bytes;
    bool is_repair;
    Activity::Token token;
    ~Permit();
  };
  using SharedPermit = std::shared_ptr<Permit>;

  // Null when the limit is reached.
  SharedPermit take_permit(uint64_t bytes);
  // The members that the wanted shards go to; none when the rate of one does not allow it.
  std::vector<ZoneMember*> targets_of(const ChunkRef& ref, const std::vector<bool>& wanted) const;
  // Takes each target's share of its rate, or nothing at all.
  bool take_rate(const ChunkRef& ref, const std::vector<bool>& wanted);
  void encode(const SealedChunk& chunk, const std::vector<bool>& wanted, SharedPermit permit);
  void send(const ChunkRef& ref, std::vector<EncodedShard> shards, const SharedPermit& permit);
  uint64_t value_bytes(const ChunkRef& ref) const;

  const Parts parts_;
  const ZoneLimits& limits_;
  std::atomic<uint64_t> write_bytes_;  // at most under way
  std::atomic<uint64_t> bytes_ = 0;    // under way
  uint32_t repairs_ = 0;               // under way; of the loop's thread
};

}  // namespace thaw
