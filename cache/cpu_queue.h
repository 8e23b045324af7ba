// CpuQueue: what waits for a processor core: above all the hashes of chunks that have arrived. Demand before
// read-ahead before prefetch, and inside one priority the mounts take turns (FairQueue). Two chunks that wait
// are verified together, which takes little longer than one (SealedChunk::verify_both).
//
// Bounded by its callers: whatever waits here holds a slot of its tier. Owned by the daemon's wiring. Any
// thread may call; nothing blocks. REQUIRES at destruction: `threads` has run, or destroyed, all that it was
// given.
#pragma once

#include <optional>
#include <utility>

#include "cache/expedite.h"
#include "cache/fair_queue.h"
#include "lib/base/executor.h"
#include "lib/base/mutex.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class CpuQueue final : public Expedite {
 public:
  // Of a chunk that is damaged, the bytes too.
  using Verified = UniqueFunction<void(Result<SealedChunk> chunk, Buffer&& wrong)>;

  explicit CpuQueue(Executor& threads) : threads_(threads) {}

  // Runs `task` on one of the threads, never inside this call: work for `ref` that takes no longer than its
  // hash. Destroyed instead, as Executor says, when they end.
  void post(const ChunkRef& ref, const Fetch& fetch, Task task);
  // SealedChunk::verify() on one of the threads, and `done` there; the same holds.
  void verify(Unverified chunk, const Fetch& fetch, Verified done);

  void expedite(const ChunkRef& ref, const Fetch& fetch) override;

 private:
  // One of `task` and `verified` is there.
  struct Work {
    Unverified chunk;
    Task task;
    Verified verified;
  };
  // As many as there is work, or more: each does what is next, and drops as much when it is destroyed
  // instead.
  class Turn;

  void push(const Fetch& fetch, Work work) EXCLUDES(mutex_);
  std::optional<Work> next() EXCLUDES(mutex_);
  // To be verified beside another one.
  std::optional<Work> next_to_verify() EXCLUDES(mutex_);
  void take_turn();
  static void verify_both(Work first, Work second);

  Executor& threads_;
  Mutex mutex_;
  FairQueue<Work> queue_ GUARDED_BY(mutex_);
};

}  // namespace thaw
