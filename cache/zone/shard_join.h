// ShardJoin: makes one chunk of its shards, and begins before all of them are there: data shards are hashed
// in their order, on `cpu`, while others still arrive. Hashing takes longer than all else of a read.
//
// Its calls belong to the loop's thread; the turns on `cpu`, one at a time, keep it alive. Payloads that have
// not arrived may be written meanwhile.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cache/cpu_queue.h"
#include "cache/zone/activity.h"
#include "cache/zone/shard_codec.h"
#include "lib/base/mutex.h"

namespace thaw {

class ShardJoin : public std::enable_shared_from_this<ShardJoin> {
 public:
  using Joined = UniqueFunction<void(Result<SealedChunk>)>;

  // `fetch`: for whom. `token`: of what is under way while this lives.
  ShardJoin(CpuQueue& cpu, const ErasureCode& code, const ChunkRef& ref, const Fetch& fetch,
            Activity::Token token);

  // Turns that are posted from now on are for `fetch`.
  void raise(const Fetch& fetch) { fetch_ = fetch; }

  // Where the shards go.
  const std::vector<MutableBytes>& payloads() const { return payloads_; }

  // The first `data_shards` of them are there.
  void arrived(unsigned data_shards);
  // Those that are `present` are all that come: at least k. `joined` runs once, on `cpu`, with the chunk or
  // kDamaged; not at all when `cpu` has ended.
  void finish(std::vector<bool> present, Joined joined);
  // Nobody wants the chunk, and nobody writes to the payloads: their memory is free once a turn that runs has
  // ended. REQUIRES: no finish()
  void abandon();

 private:
  struct Memory {
    std::vector<Buffer> parity;
    ChunkVerification check;  // has the data shards' bytes
  };
  enum class Turn : uint8_t { kNone, kPosted, kRuns };

  ShardJoin(CpuQueue& cpu, const ErasureCode& code, const ChunkRef& ref, const Fetch& fetch,
            Activity::Token token, ShardBuffers buffers);

  // What a turn does next.
  struct Work {
    unsigned data_shards = 0;  // are there: what is not hashed of them yet
    std::vector<bool> present;
    Joined joined;  // there is one: no more shards come
  };

  void post_turn();
  void take_turn();
  // Nothing: the turn is over.
  std::optional<Work> next_work();
  void complete(Work work);

  CpuQueue& cpu_;
  const ErasureCode& code_;
  const ChunkRef ref_;
  Fetch fetch_;  // of the loop's thread
  const uint64_t shard_bytes_;
  const std::vector<MutableBytes> payloads_;
  const Activity::Token token_;

  // Of the turn that runs, and of the loop's thread while none does.
  std::unique_ptr<Memory> memory_;

  Mutex mutex_;
  Turn turn_ GUARDED_BY(mutex_) = Turn::kNone;
  unsigned arrived_ GUARDED_BY(mutex_) = 0;
  unsigned hashed_ GUARDED_BY(mutex_) = 0;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::vector<bool> present_ GUARDED_BY(mutex_);
  Joined joined_ GUARDED_BY(mutex_);
};

}  // namespace thaw
