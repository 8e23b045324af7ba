// ReadableRange: the sealed chunks behind one range of an image, in hand. Plaintext appears only where
// copy_to() writes it: decryption is the copy.
//
// Move-only, belongs to one thread at a time; needs nothing but itself and may outlive the ImageReader that
// it came from. Copy and drop it at once: what it holds counts in no budget.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/chunk/chunk_source.h"
#include "lib/image/image_map.h"

namespace thaw {

class ReadableRange {
 public:
  // What the range touches of one stored chunk; there is at least one byte.
  struct Piece {
    size_t entry = 0;       // in ImageMap::entries
    uint32_t in_chunk = 0;  // where it begins in the chunk, bytes
    uint32_t length = 0;    // bytes of ciphertext
    uint32_t in_range = 0;  // where it begins in the range, bytes
    std::optional<SealedChunk> chunk;
    Tier tier = Tier::kMemory;  // where the chunk was found
    Journey journey = {};
  };

  // Finds the pieces of device[offset, offset + length), their chunks not yet in hand.
  // REQUIRES: the range lies inside the device; check(*map) is good
  static ReadableRange plan(std::shared_ptr<const ImageMap> map, uint64_t offset, uint32_t length);

  ReadableRange(ReadableRange&&) = default;
  ReadableRange& operator=(ReadableRange&&) = default;

  // What copy_to() writes: what was asked for, less what lies beyond the device's end.
  uint32_t length() const { return length_; }

  // Decrypts into out[0, length()); zeros where nothing is stored. kDamaged when ciphertext does not fit its
  // CRC-32C: it changed in memory, `out` is of no use, and ImageReader::read_again() reads the range anew.
  // REQUIRES: out.size() >= length(); every piece has its chunk
  Status copy_to(MutableBytes out);
  // Of a piece that has its chunk. A chunk alone that was hashed a moment ago is good.
  bool is_good(const Piece& piece) const;
  // How often copy_to() found damage.
  uint32_t times_damaged() const { return times_damaged_; }

  // Of the chunks that memory did not have, the one that spent most time in the tiers; nullptr: it had all.
  const Piece* slowest_fetch() const;

  std::vector<Piece>& pieces() { return pieces_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const ImageMap& map() const { return *map_; }

 private:
  ReadableRange(std::shared_ptr<const ImageMap> map, uint32_t length)
      : map_(std::move(map)), length_(length) {}

  std::shared_ptr<const ImageMap> map_;
  uint32_t length_ = 0;
  uint32_t times_damaged_ = 0;
  std::vector<Piece> pieces_;  // ascending; gaps between them are zeros
};

}  // namespace thaw
