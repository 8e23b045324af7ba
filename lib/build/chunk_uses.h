// ChunkUses: how many images this builder has seen use a chunk, as far as it remembers: a file in state_dir,
// bounded, from which what fewest images use is forgotten first (docs/formats/salt.md, "Salts apart").
//
// A chunk is known by a tag and has 64 bits, of which each image owns one: so that an image that is built
// again counts once, and what two builders on one machine remember can be put together. Beyond some hundred
// images the count is no more than "many".
//
// Blocking. Immutable after read(): any thread may ask. Processes may share a file; of two that remember at
// the same moment one may be forgotten.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

// 16 bytes each, in memory and on disk: half a TiB of different chunks.
inline constexpr size_t kMaxRememberedChunks = size_t{1} << 20;

class ChunkUses {
 public:
  using Tag = uint64_t;   // of a chunk
  using Bits = uint64_t;  // of the images that use it, one each

  // What `file` remembers; nothing when it is not there. kDamaged when it is not right.
  static Result<ChunkUses> read(const std::string& file);

  // 0 when it was never seen.
  Bits images_of(Tag chunk) const;

  // Adds to the file that the image of `bit` uses these chunks, and to what was read.
  static Status remember(const std::string& file, std::vector<Tag> chunks, Bits bit,
                         size_t most = kMaxRememberedChunks);

 private:
  struct Use {
    Tag chunk = 0;
    Bits images = 0;
  };

  void add(std::vector<Tag> chunks, Bits bit);
  void forget_all_but(size_t most);

  std::vector<Use> uses_;  // ascending by chunk
};

// The number of images that most likely have so many different bits.
uint64_t images_counted(ChunkUses::Bits images);

}  // namespace thaw
