#include "lib/image/readable_range.h"

#include <algorithm>
#include <numeric>

#include "lib/crypto/seal.h"

namespace thaw {

ReadableRange ReadableRange::plan(std::shared_ptr<const ImageMap> map, uint64_t offset, uint32_t length) {
  ReadableRange range(std::move(map), length);
  const ImageMap& image = *range.map_;
  const uint64_t end = offset + length;
  for (size_t i = image.first_at_or_after(offset / image.chunk_size); i < image.entries.size(); ++i) {
    const ImageMap::Entry& entry = image.entries[i];
    const uint64_t stored_begin = uint64_t{entry.index} * image.chunk_size;
    if (stored_begin >= end) break;
    const uint64_t begin = std::max(offset, stored_begin);
    const uint64_t stop = std::min(end, stored_begin + entry.ref.stored_length);
    if (begin >= stop) continue;  // in the zeros after what the chunk stores
    range.pieces_.push_back({i,
                             static_cast<uint32_t>(begin - stored_begin),
                             static_cast<uint32_t>(stop - begin),
                             static_cast<uint32_t>(begin - offset),
                             std::nullopt,
                             Tier::kMemory,
                             {}});
  }
  return range;
}

const ReadableRange::Piece* ReadableRange::slowest_fetch() const {
  const Piece* slowest = nullptr;
  uint64_t longest_us = 0;
  for (const Piece& piece : pieces_) {
    if (piece.tier == Tier::kMemory) continue;
    const auto& spent = piece.journey.spent_us;
    const uint64_t us = std::accumulate(spent.begin(), spent.end(), uint64_t{0});
    if (slowest != nullptr && us <= longest_us) continue;
    slowest = &piece;
    longest_us = us;
  }
  return slowest;
}

bool ReadableRange::is_good(const Piece& piece) const {
  if (pieces_.size() == 1 && piece.tier != Tier::kMemory) return true;
  return piece.chunk->checked_range(piece.in_chunk, piece.length).ok();
}

// Each piece is decrypted before it is checked: AES takes its time for each line, so that the next ones come
// from memory meanwhile; the checksum alone would stand and wait for them.
Status ReadableRange::copy_to(MutableBytes out) {
  size_t written = 0;
  for (const Piece& piece : pieces_) {
    std::fill(out.begin() + static_cast<ptrdiff_t>(written), out.begin() + piece.in_range, uint8_t{0});
    const ByteView ciphertext = piece.chunk->bytes().subspan(piece.in_chunk, piece.length);
    open_range(map_->keys.key(piece.entry), piece.in_chunk, ciphertext,
               out.subspan(piece.in_range, piece.length));
    if (!is_good(piece)) {
      ++times_damaged_;
      return Error{Code::kDamaged, "chunk " + piece.chunk->id().hex() + " changed in memory"};
    }
    written = piece.in_range + piece.length;
  }
  std::fill(out.begin() + static_cast<ptrdiff_t>(written), out.begin() + length_, uint8_t{0});
  return {};
}

}  // namespace thaw
