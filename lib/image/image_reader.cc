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
// arrive on different threads; each touches its own Piece only.
class Gather {
 public:
  Gather(ReadableRange range, const Fetch& fetch, const ImageReader::Parts& parts,
         Completion<ReadableRange> done)
      : range_(std::move(range)), fetch_(fetch), parts_(parts), done_(std::move(done)) {}

  Served begin() {
    for (const ReadableRange::Piece& piece : range_.pieces()) {
      if (parts_.first_reads != nullptr) parts_.first_reads->note(piece.entry);
      if (parts_.nearby != nullptr) parts_.nearby->read(piece.entry);
    }
    return ask(parts_.nearby);
  }

 private:
  // Asks for the chunks that are not in hand; the count has one more for this loop, so that the read does not
  // end within it. `nearby`, if any, is told of those that have to be waited for.
  Served ask(NearbyReads* nearby) {
    Served served = Served::kAtOnce;
    std::vector<ReadableRange::Piece>& pieces = range_.pieces();
    left_ = 1 + std::ranges::count_if(pieces, [](const auto& piece) { return !piece.chunk; });
    for (ReadableRange::Piece& piece : pieces) {
      if (piece.chunk) continue;
      const ptrdiff_t before = left_.load(std::memory_order_relaxed);
      parts_.source.get(range_.map().entries[piece.entry].ref, fetch_,
                        [this, &piece](Result<Fetched> result) { arrived(piece, std::move(result)); });
      if (left_.load(std::memory_order_relaxed) != before) continue;
      served = Served::kWaited;
      if (nearby != nullptr) nearby->missed(piece.entry, fetch_);
    }
    one_less();
    return served;
  }

  void arrived(ReadableRange::Piece& piece, Result<Fetched> result) {
    if (result.ok()) {
      count_fetched(parts_.counters, result.value());
      piece.tier = result->tier;
      piece.journey = result->journey;
      piece.chunk = std::move(result->chunk);
    } else if (!failed_.exchange(true)) {
      error_ = std::move(result).error();
    }
    one_less();
  }

  void one_less() {
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_arrived();
  }

  void all_arrived() {
    std::unique_ptr<Gather> self(this);
    if (failed_) return done_(std::move(error_));
    if (!drop_damaged()) {
      count_answered();
      return done_(std::move(range_));
    }
    if (rereads_-- == 0) {
      return done_(Error{Code::kDamaged, "a chunk changes in memory again and again; is the memory sound?"});
    }
    // The image's reader, and with it what guesses, may be gone by now.
    self.release()->ask(nullptr);
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

  // Checked when all are in hand, and not as each arrives: the first may have lain there for long by then.
  // Only a chunk alone that was hashed a moment ago needs no check. True when there was one.
  bool drop_damaged() {
    bool damaged = false;
    const bool alone = range_.pieces().size() == 1;
    for (ReadableRange::Piece& piece : range_.pieces()) {
      if (alone && piece.tier != Tier::kMemory) continue;
      if (piece.chunk->checked_range(piece.in_chunk, piece.length).ok()) continue;
      parts_.memory.drop(*piece.chunk);
      piece.chunk.reset();
      damaged = true;
    }
    return damaged;
  }

  ReadableRange range_;
  const Fetch fetch_;
  const ImageReader::Parts parts_;
  Completion<ReadableRange> done_;
  uint32_t rereads_ = kMaxRereads;
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

}  // namespace thaw
