// Geometry: where the fixed parts of the filesystem lie on the device. It depends on the size class and the
// chunk size alone, so that an image that grows inside its class moves nothing. See docs/formats/layout.md.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/units.h"

namespace thaw {

inline constexpr uint64_t kBlockSize = 4 * kKiB;
inline constexpr uint64_t kInodeSize = 256;
inline constexpr uint64_t kBlocksPerGroup = 8 * kBlockSize;
inline constexpr uint64_t kInodesPerGroup = 8 * kBlockSize;
inline constexpr uint64_t kTableBlocksPerGroup = kInodesPerGroup * kInodeSize / kBlockSize;
inline constexpr uint32_t kFirstFreeInode = 11;  // 1 to 10 are reserved by ext4; 2 is the root

// What the device sizes are, ascending, in bytes.
const std::vector<uint64_t>& size_classes();

class Geometry {
 public:
  // REQUIRES: device_bytes is a size class, chunk_bytes a power of two from kMinChunk to kMaxChunk
  Geometry(uint64_t device_bytes, uint64_t chunk_bytes);

  static constexpr uint64_t kMinChunk = 64 * kKiB;
  static constexpr uint64_t kMaxChunk = 8 * kMiB;

  uint64_t device_bytes() const { return blocks() * kBlockSize; }
  uint64_t blocks() const { return groups_ * kBlocksPerGroup; }
  uint64_t groups() const { return groups_; }
  uint64_t inodes() const { return groups_ * kInodesPerGroup; }
  uint64_t chunk_blocks() const { return chunk_blocks_; }
  uint64_t inodes_per_chunk() const { return chunk_blocks_ * kBlockSize / kInodeSize; }

  uint64_t block_bitmap(uint64_t group) const { return bitmaps_ + group; }
  uint64_t inode_bitmap(uint64_t group) const { return bitmaps_ + groups_ + group; }
  uint64_t inode_table(uint64_t group) const { return tables_ + group * kTableBlocksPerGroup; }

  // Inode slots: chunks of the inode table. Slot 0 holds inodes 1 to inodes_per_chunk().
  uint64_t inode_slots() const { return inodes() / inodes_per_chunk(); }
  // Data slots: the chunks behind the inode tables.
  uint64_t data_slots() const { return (blocks() - data_) / chunk_blocks_; }
  uint64_t data_slot_block(uint64_t slot) const { return data_ + slot * chunk_blocks_; }

 private:
  uint64_t chunk_blocks_;
  uint64_t groups_;
  uint64_t bitmaps_;  // first block of the block bitmaps; the inode bitmaps follow
  uint64_t tables_;   // first block of the inode tables
  uint64_t data_;     // first block of the data slots
};

}  // namespace thaw
