#include "lib/image/image_reader.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "lib/image/fetch_counts.h"

namespace thaw {
namespace {

// A chunk that changes in memory so often in a row is a broken machine, not a flipped bit.
constexpr uint32_t kMaxRereads = 3;

// One read on its way. Owns itself: the piece that arrives last completes it and deletes it. Its pieces may
// arrive on different threads; each touches its own Piece only. What arrived while others are still to come
// is HeldChunks' to keep or to drop, and what was dropped is asked for again once all have come.
class Gather {
 public:
  Gather(ReadableRange range, const Fetch& fetch, const ImageReader::Parts& parts,
         Completion<ReadableRange> done)
      : range_(std::move(range)), fetch_(fetch), parts_(parts), done_(std::move(done)), hand_(range_) {}

  Served begin() {
    for (const ReadableRange::Piece& piece : range_.pieces()) {
      if (parts_.first_reads != nullptr) parts_.first_reads->note(piece.entry);
      if (parts_.nearby != nullptr) parts_.nearby->read(piece.entry);
    }
    return ask(parts_.nearby);
  }

  // What changed in memory is dropped there, and in nobody's hand any more.
  void begin_again() {
    is_counted_ = true;
    for (ReadableRange::Piece& piece : range_.pieces()) {
      if (range_.is_good(piece)) continue;
      parts_.memory.drop(*piece.chunk);
      piece.chunk.reset();
    }
    ask_again();
  }

 private:
  // Asks for the chunks that are not in hand; the count has one more for this loop, so that the read does not
  // end within it. `nearby`, if any, is told of those that have to be waited for.
  Served ask(NearbyReads* nearby) {
    Served served = Served::kAtOnce;
    std::vector<ReadableRange::Piece>& pieces = range_.pieces();
    left_ = 1 + std::ranges::count_if(pieces, [](const auto& piece) { return !piece.chunk; });
    const Gather* const outer = std::exchange(asking, this);
    for (ReadableRange::Piece& piece : pieces) {
      if (piece.chunk) continue;
      came_at_once_ = false;
      parts_.source.get(range_.map().entries[piece.entry].ref, fetch_,
                        [this, &piece](Result<Fetched> result) { arrived(piece, std::move(result)); });
      if (came_at_once_) continue;
      served = Served::kWaited;
      if (nearby != nullptr) nearby->missed(piece.entry, fetch_);
    }
    asking = outer;
    if (is_wide() && served == Served::kWaited) waited_ = true;
    if (waited_ && left_.load(std::memory_order_acquire) > 1) parts_.held.wait(hand_);
    one_less();
    return served;
  }

  bool is_wide() const { return range_.pieces().size() > 1; }

  void arrived(ReadableRange::Piece& piece, Result<Fetched> result) {
    if (asking == this) came_at_once_ = true;
    if (result.ok()) {
      count_fetched(parts_.counters, result.value());
      // What is asked for again, and lies in memory by then, came from where it was found first.
      if (result->tier != Tier::kMemory) {
        piece.tier = result->tier;
        piece.journey = result->journey;
      }
      take(piece, std::move(result->chunk));
    } else if (!failed_.exchange(true)) {
      error_ = std::move(result).error();
    }
    one_less();
  }

  void take(ReadableRange::Piece& piece, SealedChunk chunk) {
    if (is_wide() && asking != this) {
      if (left_.load(std::memory_order_acquire) > 1) return parts_.held.keep(hand_, piece, std::move(chunk));
      parts_.held.let_go(hand_);  // the last one
    }
    piece.chunk = std::move(chunk);
  }

  void one_less() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_arrived();
  }

  void all_arrived() {
    std::unique_ptr<Gather> self(this);
    if (waited_) parts_.held.let_go(hand_);
    if (failed_) return end(std::move(error_));
    if (std::ranges::all_of(range_.pieces(), [](const auto& piece) { return piece.chunk.has_value(); })) {
      if (!is_counted_) count_answered();
      return end(std::move(range_));
    }
    self.release()->ask_again();
  }

  // The image's reader, and with it what guesses, may be gone by now.
  void ask_again() {
    if (!is_wide()) return static_cast<void>(ask(nullptr));
    waited_ = true;
    parts_.held.ask_again(hand_, fetch_.deadline, [this] { ask(nullptr); });
  }

  void end(Result<ReadableRange> result) {
    done_(std::move(result));
    if (waited_) parts_.held.use_room();
  }

  // One addition for most reads: they are of one chunk.
  void count_answered() {
    uint64_t zeros = range_.length();
    for (const ReadableRange::Piece& piece : range_.pieces()) {
      count(parts_.counters.bytes_answered.at(static_cast<size_t>(piece.tier)), piece.length);
      zeros -= piece.length;
    }
    if (zeros > 0) count(parts_.counters.zeros_answered, zeros);
  }

  // The one that asks on this thread: what arrives meanwhile, on the same thread, was at hand.
  static inline thread_local const Gather* asking = nullptr;

  ReadableRange range_;
  const Fetch fetch_;
  const ImageReader::Parts parts_;
  Completion<ReadableRange> done_;
  HeldChunks::Hand hand_;
  bool is_counted_ = false;    // as answered
  bool came_at_once_ = false;  // of who asks: the piece that was asked for last
  bool waited_ = false;        // known to HeldChunks; written by who asks, read by who comes last
  std::atomic<ptrdiff_t> left_ = 0;
  std::atomic<bool> failed_ = false;
  Error error_;  // written by who set failed_, read by who comes last
};

}  // namespace

ImageReader::ImageReader(std::shared_ptr<const ImageMap> map, Parts parts)
    : map_(std::move(map)), parts_(parts), read_ahead_(map_, {parts.source, parts.budget, parts.counters}) {}

void ImageReader::read(uint64_t offset, uint32_t length, const Fetch& fetch, Completion<ReadableRange> done) {
  const uint64_t available = offset < map_->device_size ? map_->device_size - offset : 0;
  const auto clipped = static_cast<uint32_t>(std::min<uint64_t>(length, available));
  auto gather =
      std::make_unique<Gather>(ReadableRange::plan(map_, offset, clipped), fetch, parts_, std::move(done));
  const Served served = gather.release()->begin();
  read_ahead_.observe({offset, clipped, served}, fetch);
}

void ImageReader::read_again(ReadableRange range, const Fetch& fetch, Completion<ReadableRange> done) {
  if (range.times_damaged() > kMaxRereads) {
    return done(Error{Code::kDamaged, "a chunk changes in memory again and again; is the memory sound?"});
  }
  auto gather = std::make_unique<Gather>(std::move(range), fetch, parts_, std::move(done));
  gather.release()->begin_again();
}

}  // namespace thaw
