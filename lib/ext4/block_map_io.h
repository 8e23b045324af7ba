// The io_manager that lets libext2fs write a filesystem into a BlockMap.
#pragma once

#include <ext2fs/ext2fs.h>

#include "lib/ext4/block_map.h"

namespace thaw {

// While it lives, the channel that block_map_io_manager() opens on this thread leads to `map`, which must
// outlive the channel.
class BlockMapChannel {
 public:
  explicit BlockMapChannel(BlockMap& map);
  ~BlockMapChannel();
  BlockMapChannel(const BlockMapChannel&) = delete;
  BlockMapChannel& operator=(const BlockMapChannel&) = delete;
};

io_manager block_map_io_manager();

}  // namespace thaw
