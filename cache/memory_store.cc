#include "cache/memory_store.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

namespace thaw {
namespace {

// A map node, the shared state with its control block, two allocations' headers, page alignment of the
// ciphertext, a map bucket.
constexpr uint64_t kEntryBytes = 1024;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kChecksumBytes = 4;  // a page

// While all buffers together are over the budget, a put gives up what it takes and a quarter more. Not all at
// once: what is given up leaves holes first, which the next buffers fill, and whole blocks to the kernel
// later.
constexpr uint64_t kGiveWay = 4;

}  // namespace

MemoryStore::MemoryStore(const MemoryOptions& options, TierCounters& counters, const PageArena& arena)
    : counters_(counters), arena_(arena) {
  for (Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    shard.queue.emplace(options.eviction, 0);
  }
  set_capacity(options.capacity);
}

uint64_t MemoryStore::cost_of(uint32_t stored_length) {
  const uint64_t pages = (stored_length + kPage - 1) / kPage;
  return kEntryBytes + pages * (kPage + kChecksumBytes);
}

void MemoryStore::find(const ChunkRef& ref, const Fetch& /*fetch*/,
                       Completion<std::optional<SealedChunk>> done) {
  done(look_up(ref));
}

std::optional<SealedChunk> MemoryStore::look_up(const ChunkRef& ref) {
  Shard& shard = shard_of(ref.id);
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(ref.id);
  if (found == shard.entries.end() || found->second.chunk.stored_length() != ref.stored_length) {
    return std::nullopt;
  }
  shard.queue->touch(found->second.node);
  return found->second.chunk;
}

void MemoryStore::put(const SealedChunk& chunk) {
  const uint64_t cost = cost_of(chunk.stored_length());
  Shard& shard = shard_of(chunk.id());
  Evicted evicted;
  MutexLock lock(shard.mutex);
  if (cost > shard.capacity || shard.entries.contains(chunk.id())) return;
  evict_down_to(shard, shard.capacity - cost, evicted);
  if (others_need_room()) {
    const uint64_t bytes = shard.queue->bytes();
    evict_down_to(shard, bytes - std::min(bytes, cost + cost / kGiveWay), evicted);
  }
  Entry& entry = shard.entries.emplace(chunk.id(), Entry{chunk, {}}).first->second;
  entry.node.id = chunk.id();
  entry.node.bytes = cost;
  if (!Buffer::lies_in_arena(chunk.stored_length())) outside_arena_ += cost;
  shard.queue->insert(entry.node);
}

void MemoryStore::drop(const SealedChunk& chunk) {
  Shard& shard = shard_of(chunk.id());
  Evicted dropped;
  MutexLock lock(shard.mutex);
  const auto found = shard.entries.find(chunk.id());
  if (found == shard.entries.end() || !found->second.chunk.same_copy_as(chunk)) return;
  shard.queue->erase(found->second.node);
  remove(shard, chunk.id(), dropped);
  count(counters_.errors);
}

bool MemoryStore::others_need_room() const {
  return arena_.held_bytes() + outside_arena_.load(std::memory_order_relaxed) >
         capacity_.load(std::memory_order_relaxed);
}

void MemoryStore::set_capacity(uint64_t capacity) {
  capacity_ = capacity;
  for (Shard& shard : shards_) {
    Evicted evicted;
    MutexLock lock(shard.mutex);
    shard.capacity = capacity / kShards;
    shard.queue->set_capacity(shard.capacity);
    evict_down_to(shard, shard.capacity, evicted);
  }
  while (others_need_room() && give_up_a_part()) {
  }
  // What chunks left that are too small for the arena, the C library would keep.
  ::malloc_trim(0);
}

bool MemoryStore::give_up_a_part() {
  bool had_some = false;
  for (Shard& shard : shards_) {
    Evicted evicted;
    MutexLock lock(shard.mutex);
    const uint64_t bytes = shard.queue->bytes();
    had_some = had_some || bytes > 0;
    evict_down_to(shard, bytes - bytes / kGiveWay, evicted);
  }
  return had_some;
}

uint64_t MemoryStore::bytes() const {
  uint64_t sum = 0;
  for (const Shard& shard : shards_) {
    MutexLock lock(shard.mutex);
    sum += shard.queue->bytes();
  }
  return sum;
}

MemoryStore::Shard& MemoryStore::shard_of(const ChunkId& id) {
  // Not the bytes that the maps hash by, or each shard's map would use an eighth of its buckets.
  return shards_.at(id.bytes.back() % kShards);
}

void MemoryStore::evict_down_to(Shard& shard, uint64_t bytes, Evicted& evicted) {
  while (shard.queue->bytes() > bytes) {
    EvictionNode* victim = shard.queue->evict();
    if (victim == nullptr) return;
    remove(shard, victim->id, evicted);
    count(counters_.evictions);
  }
}

void MemoryStore::remove(Shard& shard, const ChunkId& id, Evicted& removed) {
  const auto found = shard.entries.find(id);
  if (!Buffer::lies_in_arena(found->second.chunk.stored_length())) outside_arena_ -= found->second.node.bytes;
  removed.push_back(std::move(found->second.chunk));
  shard.entries.erase(found);
}

}  // namespace thaw
