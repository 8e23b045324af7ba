// The filesystem as libext2fs knows it: opened over a BlockMap with our features, geometry and identity.
#pragma once

#include <ext2fs/ext2fs.h>

#include <array>
#include <memory>

#include "lib/base/result.h"
#include "lib/ext4/block_map.h"
#include "lib/ext4/flat_tree.h"
#include "lib/ext4/geometry.h"

namespace thaw {

struct FreeFilesystem {
  void operator()(ext2_filsys filesystem) const { ext2fs_free(filesystem); }
};
using Filesystem = std::unique_ptr<struct_ext2_filsys, FreeFilesystem>;

// What tells two images' superblocks apart.
struct Identity {
  std::array<uint8_t, 16> uuid{};
  uint32_t seconds = 1;  // all times of the superblock
};

Identity identify(const FlatTree& flat);

// An empty filesystem without a root: tables placed, reserved inodes taken. `map` must outlive it.
Result<Filesystem> open_filesystem(BlockMap& map, const Geometry& geometry, const Identity& identity);

// Writes superblock, group descriptors and bitmaps.
Status flush(const Filesystem& filesystem);

Error ext2fs_failure(const std::string& what, errcode_t error);

}  // namespace thaw
