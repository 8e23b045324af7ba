// HeldChunks: the chunks that wide reads have in hand while others of theirs are still to come, of all images
// together, within one budget. Without it, reads that wait for a store that hangs would keep all that flash
// and zone gave them for as long as it hangs.
//
// A read takes room for all that it may hold when its first chunk comes, so that none waits for room with
// chunks in hand. When there is none, the chunk is let go: it lies in the tiers by then, and is asked for
// again when the others have come. A read gives its room away when others have asked for enough of it since,
// and asks again in the same way; its patience doubles each time, so that reads that are only slow come to
// their end. What a read holds inside one call, while it asks or answers, is not counted: there are as many
// such calls as threads.
//
// Plaintext is no way out: reply buffers filled as chunks come would be as large, and bounded by nothing but
// the kernel's requests.
//
// Owned by the daemon, outlives every read. Any thread may call; chunks are freed after the lock is let go.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/image/readable_range.h"

namespace thaw {

class HeldChunks {
 public:
  // What one read has here. Its pieces' chunks belong to HeldChunks from the time that the read has asked for
  // them until let_go(); what arrives inside the asking call is the caller's.
  class Hand {
   public:
    explicit Hand(ReadableRange& range);

   private:
    friend class HeldChunks;
    std::vector<ReadableRange::Piece>& pieces_;
    const uint64_t needs_;  // bytes: all but the piece that comes last
    // Guarded by HeldChunks::mutex_.
    uint64_t room_ = 0;   // bytes of the budget: none, or what it needs
    bool asked_ = false;  // for all that it lacks; before, it does not give way
    uint32_t gave_way_ = 0;
    uint64_t gives_way_at_ = 0;  // by HeldChunks::asked_for_
  };

  explicit HeldChunks(uint64_t limit) : limit_(limit) {}

  // For what comes from now on.
  void set_limit(uint64_t limit) EXCLUDES(mutex_);

  // A chunk that came outside of the asking call. It is in the piece afterwards, or there was no room.
  void keep(Hand& hand, ReadableRange::Piece& piece, SealedChunk chunk) EXCLUDES(mutex_);
  // The read has asked for all that it lacks, and waits; what it has in hand is kept if there is room.
  void wait(Hand& hand) EXCLUDES(mutex_);
  // The pieces are the caller's alone. REQUIRES: nothing comes for `hand` at the same time
  void let_go(Hand& hand) EXCLUDES(mutex_);

  uint64_t bytes() const EXCLUDES(mutex_);
  // How often a read gave way.
  uint64_t gave_way() const EXCLUDES(mutex_);

 private:
  using Freed = std::vector<SealedChunk>;

  bool take_room(Hand& hand, Freed& freed) REQUIRES(mutex_);
  void give_room(Hand& hand) REQUIRES(mutex_);
  void stand_in_line(Hand& hand) REQUIRES(mutex_);
  static void drop_chunks(Hand& hand, Freed& freed);

  mutable Mutex mutex_;
  uint64_t limit_ GUARDED_BY(mutex_);
  uint64_t used_ GUARDED_BY(mutex_) = 0;
  uint64_t asked_for_ GUARDED_BY(mutex_) = 0;  // bytes of room, since the start
  uint64_t gave_way_ GUARDED_BY(mutex_) = 0;
  std::set<std::pair<uint64_t, Hand*>> line_ GUARDED_BY(mutex_);  // that have room, by gives_way_at_
};

}  // namespace thaw
