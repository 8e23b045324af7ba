// BlockMap: a sparse device whose blocks lie in a Spool. libext2fs writes the metadata of a filesystem into
// it, which is as large as the image has files; blocks of zeros take no room.
//
// One thread fills it, in much the device's order: the block that was written last is in memory. Immutable
// after finish(), and readable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/ext4/geometry.h"
#include "lib/tree/spool.h"

namespace thaw {

class BlockMap {
 public:
  // `spool` outlives it. While it is filled, nobody else appends there.
  explicit BlockMap(Spool& spool) : spool_(&spool) {}

  // Offsets in bytes. What was never written reads as zeros. Errors: those of the spool.
  Status read(uint64_t offset, MutableBytes out) const;
  Status write(uint64_t offset, ByteView bytes);
  // Spools what is still in memory.
  Status finish();

  // What went wrong in write() or finish(), and stays.
  const Status& failure() const { return failure_; }

  // Where each block lies in the spool, by block number, ascending.
  const std::map<uint64_t, uint64_t>& blocks() const { return blocks_; }

 private:
  struct Block {
    uint64_t number = 0;
    std::array<uint8_t, kBlockSize> bytes{};
  };

  Status read_block(uint64_t number, uint64_t inside, MutableBytes out) const;
  Status load(uint64_t number);
  Status store();

  Spool* spool_;
  std::map<uint64_t, uint64_t> blocks_;
  std::optional<Block> last_;  // written, and not spooled yet
  Status failure_;
};

}  // namespace thaw
