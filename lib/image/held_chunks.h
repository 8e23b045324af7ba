// HeldChunks: the chunks that wide reads have in hand while others of theirs are still to come, of all images
// together, within one budget. Without it, reads that wait for a store that hangs would keep all that flash
// and zone gave them for as long as it hangs.
//
// A read takes room for all that it may hold when its first chunk comes, so that none waits for room with
// chunks in hand. When there is none, the chunk is let go: it lies in the tiers by then. Once all of a read's
// chunks have come, but are not all in hand, it asks again, and has room first: at once, from a read that
// waits for a chunk that has not come yet, or in its turn. What a turn takes too long for gives way to the
// next one, and is more patient each time. So each chunk is asked for twice, and rarely more often, and reads
// that hang hold up none that do not. What a read holds inside one call, while it asks or answers, is not
// counted: there are as many such calls as threads.
//
// Plaintext is no way out: reply buffers filled as chunks come would be as large, and bounded by nothing but
// the kernel's requests.
//
// Owned by the daemon. REQUIRES at destruction: no read is open. Any thread may call; chunks are freed, and
// reads go on, after the lock is let go.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/base/timers.h"
#include "lib/base/unique_function.h"
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
    uint64_t room_ = 0;       // bytes of the budget: none, or what it needs
    bool asked_ = false;      // for all that it lacks; before, it does not give way
    bool came_once_ = false;  // all of its chunks
    uint32_t gave_way_ = 0;
    TimePoint gives_way_at_;
  };

  // `timers` outlives it, and calls nothing any more when it goes.
  HeldChunks(uint64_t limit, Timers& timers) : timers_(timers), limit_(limit) {}

  // For what comes from now on.
  void set_limit(uint64_t limit) EXCLUDES(mutex_);

  // A chunk that came outside of the asking call. It is in the piece afterwards, or there was no room.
  void keep(Hand& hand, ReadableRange::Piece& piece, SealedChunk chunk) EXCLUDES(mutex_);
  // The read has asked for all that it lacks, and waits; what it has in hand is kept if there is room.
  void wait(Hand& hand) EXCLUDES(mutex_);
  // The pieces are the caller's alone. REQUIRES: nothing comes for `hand` at the same time
  void let_go(Hand& hand) EXCLUDES(mutex_);
  // All chunks came, some are not in hand: `go` asks for them, with room, inside this call or later; without
  // at `deadline`. REQUIRES: as let_go()
  void ask_again(Hand& hand, TimePoint deadline, Task go) EXCLUDES(mutex_);
  // Lets reads that stand in line go on where let_go() made room for them.
  void use_room() EXCLUDES(mutex_);

  uint64_t bytes() const EXCLUDES(mutex_);

 private:
  using Freed = std::vector<SealedChunk>;
  using Line = std::set<std::pair<TimePoint, Hand*>>;  // by gives_way_at_
  struct InTurn {
    Hand* hand = nullptr;
    TimePoint deadline;
    Task go;
  };

  bool has_room(const Hand& hand) const REQUIRES(mutex_);
  void take_room(Hand& hand) REQUIRES(mutex_);
  void give_room(Hand& hand) REQUIRES(mutex_);
  void stand_in_line(Hand& hand) REQUIRES(mutex_);
  Line& line_of(const Hand& hand) REQUIRES(mutex_);
  void give_way(Hand& hand, Freed& freed) REQUIRES(mutex_);
  std::optional<InTurn> next_in_turn(Freed& freed) REQUIRES(mutex_);
  void watch_turns() EXCLUDES(mutex_);
  static void drop_chunks(Hand& hand, Freed& freed);

  Timers& timers_;

  mutable Mutex mutex_;
  uint64_t limit_ GUARDED_BY(mutex_);
  uint64_t used_ GUARDED_BY(mutex_) = 0;
  Line hopeful_ GUARDED_BY(mutex_);              // have room, and wait for a chunk that has not come yet
  Line in_turn_ GUARDED_BY(mutex_);              // have room, and ask again
  std::deque<InTurn> turns_ GUARDED_BY(mutex_);  // no room yet
  bool going_on_ GUARDED_BY(mutex_) = false;     // a thread lets reads go on
  bool watched_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
