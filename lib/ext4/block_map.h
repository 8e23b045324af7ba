// BlockMap: a sparse device in memory. libext2fs writes the metadata of a filesystem into it; blocks of zeros
// take no memory.
//
// One thread fills it; immutable afterwards and readable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "lib/base/buffer.h"
#include "lib/ext4/geometry.h"

namespace thaw {

class BlockMap {
 public:
  using Block = std::array<uint8_t, kBlockSize>;

  // Offsets in bytes. What was never written reads as zeros.
  void read(uint64_t offset, MutableBytes out) const;
  void write(uint64_t offset, ByteView bytes);

  // Forgets blocks that hold only zeros.
  void drop_zero_blocks();

  // By block number, ascending.
  const std::map<uint64_t, Block>& blocks() const { return blocks_; }

 private:
  std::map<uint64_t, Block> blocks_;
};

}  // namespace thaw
