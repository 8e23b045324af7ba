#include "lib/image/held_chunks.h"

#include <algorithm>
#include <chrono>

namespace thaw {
namespace {

// What a turn may take while others wait for theirs; twice as long each time that a read gave way.
constexpr Duration kTurn = std::chrono::milliseconds(200);
constexpr uint32_t kMostDoublings = 10;
constexpr Duration kWatchStep = std::chrono::milliseconds(100);

// A read of one piece never has one in hand that waits.
uint64_t room_for(const ReadableRange& range) {
  uint64_t sum = 0;
  uint64_t smallest = UINT64_MAX;
  for (const ReadableRange::Piece& piece : range.pieces()) {
    const uint64_t bytes = range.map().entries[piece.entry].ref.stored_length;
    sum += bytes;
    smallest = std::min(smallest, bytes);
  }
  return sum - std::min(sum, smallest);
}

}  // namespace

HeldChunks::Hand::Hand(ReadableRange& range) : pieces_(range.pieces()), needs_(room_for(range)) {}

void HeldChunks::set_limit(uint64_t limit) {
  MutexLock lock(mutex_);
  limit_ = limit;
}

void HeldChunks::keep(Hand& hand, ReadableRange::Piece& piece, SealedChunk chunk) {
  MutexLock lock(mutex_);
  if (hand.room_ == 0 && turns_.empty() && has_room(hand)) take_room(hand);
  if (hand.room_ > 0) piece.chunk = std::move(chunk);
}

void HeldChunks::wait(Hand& hand) {
  Freed freed;
  MutexLock lock(mutex_);
  hand.asked_ = true;
  if (hand.room_ > 0) return stand_in_line(hand);
  const bool empty =
      std::ranges::none_of(hand.pieces_, [](const auto& piece) { return piece.chunk.has_value(); });
  if (empty) return;
  if (turns_.empty() && has_room(hand)) return take_room(hand);
  drop_chunks(hand, freed);
}

void HeldChunks::let_go(Hand& hand) {
  MutexLock lock(mutex_);
  if (hand.room_ > 0) give_room(hand);
  hand.asked_ = false;
}

void HeldChunks::ask_again(Hand& hand, TimePoint deadline, Task go) {
  {
    Freed freed;
    MutexLock lock(mutex_);
    hand.came_once_ = true;
    drop_chunks(hand, freed);
    turns_.push_back({&hand, deadline, std::move(go)});
  }
  use_room();
  watch_turns();
}

// One thread at a time: reads that go on and end inside the call make room for others, which would recurse.
void HeldChunks::use_room() {
  {
    MutexLock lock(mutex_);
    if (going_on_ || turns_.empty()) return;
    going_on_ = true;
  }
  while (true) {
    Freed freed;
    std::optional<InTurn> next;
    {
      MutexLock lock(mutex_);
      next = next_in_turn(freed);
      if (!next) {
        going_on_ = false;
        return;
      }
    }
    next->go();
  }
}

std::optional<HeldChunks::InTurn> HeldChunks::next_in_turn(Freed& freed) {
  if (turns_.empty()) return std::nullopt;
  const TimePoint now = timers_.now();
  auto next = std::ranges::find_if(turns_, [now](const InTurn& turn) { return turn.deadline <= now; });
  if (next == turns_.end()) {
    next = turns_.begin();
    Hand& hand = *next->hand;
    while (!has_room(hand) && !hopeful_.empty()) give_way(*hopeful_.begin()->second, freed);
    while (!has_room(hand) && !in_turn_.empty() && in_turn_.begin()->first <= now) {
      give_way(*in_turn_.begin()->second, freed);
    }
    if (!has_room(hand)) return std::nullopt;
    take_room(hand);
  }
  InTurn turn = std::move(*next);
  turns_.erase(next);
  return turn;
}

// Turns that take too long, and deadlines; nobody else may come by.
void HeldChunks::watch_turns() {
  {
    MutexLock lock(mutex_);
    if (watched_ || turns_.empty()) return;
    watched_ = true;
  }
  timers_.call_at(timers_.now() + kWatchStep, [this] {
    {
      MutexLock lock(mutex_);
      watched_ = false;
    }
    use_room();
    watch_turns();
  });
}

// One read has room even if it needs more than all.
bool HeldChunks::has_room(const Hand& hand) const { return used_ == 0 || used_ + hand.needs_ <= limit_; }

void HeldChunks::take_room(Hand& hand) {
  hand.room_ = hand.needs_;
  used_ += hand.room_;
  if (hand.asked_) stand_in_line(hand);
}

void HeldChunks::give_room(Hand& hand) {
  line_of(hand).erase({hand.gives_way_at_, &hand});
  used_ -= hand.room_;
  hand.room_ = 0;
}

void HeldChunks::stand_in_line(Hand& hand) {
  const uint32_t doublings = std::min(hand.gave_way_, kMostDoublings);
  hand.gives_way_at_ = timers_.now() + kTurn * (1 << doublings);
  line_of(hand).emplace(hand.gives_way_at_, &hand);
}

HeldChunks::Line& HeldChunks::line_of(const Hand& hand) { return hand.came_once_ ? in_turn_ : hopeful_; }

void HeldChunks::give_way(Hand& hand, Freed& freed) {
  give_room(hand);
  drop_chunks(hand, freed);
  if (hand.came_once_) ++hand.gave_way_;
}

void HeldChunks::drop_chunks(Hand& hand, Freed& freed) {
  for (ReadableRange::Piece& piece : hand.pieces_) {
    if (piece.chunk) freed.push_back(*std::move(piece.chunk));
    piece.chunk.reset();
  }
}

uint64_t HeldChunks::bytes() const {
  MutexLock lock(mutex_);
  return used_;
}

}  // namespace thaw
