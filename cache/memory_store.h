// MemoryStore: the memory tier. Holds sealed chunks, ciphertext only, in a few shards with a lock each;
// evicts by the policy that it was given; never takes more than its capacity, counting ciphertext, checksums
// and bookkeeping. All that holds chunk bytes lives on one budget: what other buffers take (fetches, replies,
// the flash tier's batches, holes between chunks), the memory tier gives up.
//
// Owned by the daemon's wiring. Any thread may call; every call completes inside itself and waits for nothing
// but a shard's lock. A chunk that a reader still holds lives on after its eviction, uncounted: readers are
// bounded elsewhere (HeldChunks). Sizes are bytes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cache/eviction.h"
#include "lib/base/mutex.h"
#include "lib/base/page_arena.h"
#include "lib/chunk/chunk_store.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

struct MemoryOptions {
  uint64_t capacity = 0;
  EvictionRule eviction = EvictionRule::kS3Fifo;
};

class MemoryStore final : public ChunkStore {
 public:
  // `counters`: evictions, and errors, which are chunks dropped because they were damaged; hits and misses
  // are counted by ReadThrough.
  // `arena` is where all buffers of chunk size lie.
  MemoryStore(const MemoryOptions& options, TierCounters& counters, const PageArena& arena = buffer_arena());

  void find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) override;
  void put(const SealedChunk& chunk) override;
  void drop(const SealedChunk& chunk) override;

  // find() without its completion, for the hot path.
  std::optional<SealedChunk> look_up(const ChunkRef& ref);

  // Takes effect before it returns; a smaller one evicts at once, and more than the difference where what
  // goes leaves holes between what stays.
  void set_capacity(uint64_t capacity);
  uint64_t bytes() const;

  // What a chunk of `stored_length` takes of the capacity.
  static uint64_t cost_of(uint32_t stored_length);

 private:
  struct Entry {
    SealedChunk chunk;
    EvictionNode node;
  };

  struct alignas(64) Shard {
    mutable Mutex mutex;
    uint64_t capacity GUARDED_BY(mutex) = 0;
    std::optional<Eviction> queue GUARDED_BY(mutex);  // there once it was constructed
    std::unordered_map<ChunkId, Entry, ChunkIdHash> entries GUARDED_BY(mutex);
  };

  // Chunks are freed by the caller after it let go of the lock: giving 512 KiB back may be a system call.
  using Evicted = std::vector<SealedChunk>;

  static constexpr size_t kShards = 8;

  Shard& shard_of(const ChunkId& id);
  // Whether all buffers together are over the budget.
  bool others_need_room() const;
  // False when there is nothing left.
  bool give_up_a_part();
  void evict_down_to(Shard& shard, uint64_t bytes, Evicted& evicted) REQUIRES(shard.mutex);
  void remove(Shard& shard, const ChunkId& id, Evicted& removed) REQUIRES(shard.mutex);

  TierCounters& counters_;
  const PageArena& arena_;
  std::atomic<uint64_t> capacity_{0};
  std::atomic<uint64_t> outside_arena_{0};  // what chunks cost here that are too small for the arena
  std::array<Shard, kShards> shards_;
};

}  // namespace thaw
