// LossyStore: a chunk store in memory that forgets, takes its time and now and then finds nothing, as its
// seed says. One seed replays a run. One thread.
#pragma once

#include <chrono>
#include <random>
#include <unordered_map>
#include <utility>

#include "lib/base/timers.h"
#include "lib/chunk/chunk_store.h"

namespace thaw {

class LossyStore final : public ChunkStore {
 public:
  LossyStore(Timers& timers, uint64_t seed) : timers_(timers), random_(seed) {}

  size_t hits = 0;
  size_t open = 0;

  void find(const ChunkRef& ref, const Fetch&, Completion<std::optional<SealedChunk>> done) override {
    std::optional<SealedChunk> chunk;
    const auto kept = chunks_.find(ref);
    if (kept != chunks_.end() && random_() % 10 != 0) chunk = verified(ref, kept->second);
    if (chunk) ++hits;
    if (random_() % 2 == 0) return done(std::move(chunk));
    ++open;
    timers_.call_at(timers_.now() + std::chrono::milliseconds(random_() % 300),
                    [this, chunk = std::move(chunk), done = std::move(done)]() mutable {
                      --open;
                      done(std::move(chunk));
                    });
  }

  void put(const SealedChunk& chunk) override {
    if (random_() % 4 == 0) return;
    if (random_() % 8 == 0) chunks_.clear();
    chunks_.insert_or_assign(chunk.ref(), Bytes(chunk.bytes().begin(), chunk.bytes().end()));
  }
  void drop(const SealedChunk& chunk) override { chunks_.erase(chunk.ref()); }

 private:
  std::optional<SealedChunk> verified(const ChunkRef& ref, const Bytes& bytes) {
    Buffer read = Buffer::copy_of(bytes);
    if (random_() % 10 == 0) read.data()[random_() % read.size()] ^= 1;
    auto chunk = SealedChunk::verify(ref, std::move(read));
    return chunk.ok() ? std::optional(std::move(chunk).value()) : std::nullopt;
  }

  Timers& timers_;
  std::mt19937_64 random_;
  std::unordered_map<ChunkRef, Bytes, ChunkRefHash> chunks_;
};

}  // namespace thaw
