#include "lib/image/held_chunks.h"

#include <algorithm>

namespace thaw {
namespace {

// A read keeps its room until others asked for the budget so many times over; twice as often each time that
// it gave way, which a read has no time for more often than this.
constexpr uint64_t kPatience = 4;
constexpr uint32_t kMostDoublings = 16;

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
  Freed freed;
  MutexLock lock(mutex_);
  if (take_room(hand, freed)) {
    piece.chunk = std::move(chunk);
  } else {
    freed.push_back(std::move(chunk));
  }
}

void HeldChunks::wait(Hand& hand) {
  Freed freed;
  MutexLock lock(mutex_);
  hand.asked_ = true;
  if (hand.room_ > 0) return stand_in_line(hand);
  const bool empty =
      std::ranges::none_of(hand.pieces_, [](const auto& piece) { return piece.chunk.has_value(); });
  if (empty || take_room(hand, freed)) return;
  drop_chunks(hand, freed);
}

void HeldChunks::let_go(Hand& hand) {
  MutexLock lock(mutex_);
  if (hand.room_ > 0) give_room(hand);
  hand.asked_ = false;
}

// One read has room even if it needs more than all.
bool HeldChunks::take_room(Hand& hand, Freed& freed) {
  if (hand.room_ > 0) return true;
  asked_for_ += hand.needs_;
  while (used_ > 0 && used_ + hand.needs_ > limit_) {
    if (line_.empty() || line_.begin()->first > asked_for_) return false;
    Hand& oldest = *line_.begin()->second;
    give_room(oldest);
    drop_chunks(oldest, freed);
    ++oldest.gave_way_;
    ++gave_way_;
  }
  hand.room_ = hand.needs_;
  used_ += hand.room_;
  if (hand.asked_) stand_in_line(hand);
  return true;
}

void HeldChunks::give_room(Hand& hand) {
  line_.erase({hand.gives_way_at_, &hand});
  used_ -= hand.room_;
  hand.room_ = 0;
}

void HeldChunks::stand_in_line(Hand& hand) {
  const uint32_t doublings = std::min(hand.gave_way_, kMostDoublings);
  hand.gives_way_at_ = asked_for_ + (kPatience * limit_ << doublings);
  line_.emplace(hand.gives_way_at_, &hand);
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

uint64_t HeldChunks::gave_way() const {
  MutexLock lock(mutex_);
  return gave_way_;
}

}  // namespace thaw
