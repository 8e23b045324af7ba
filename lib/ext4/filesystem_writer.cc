#include "lib/ext4/filesystem_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>

#include "lib/ext4/block_map_io.h"
#include "lib/ext4/directory_blocks.h"
#include "lib/ext4/identity.h"
#include "lib/ext4/inode_image.h"
#include "lib/ext4/inode_writer.h"
#include "lib/ext4/superblock.h"

namespace thaw {
namespace {

Status write_directory(const FlatTree& flat, const Placement& placement, Node node, BlockMap& map) {
  const Bytes bytes = directory_blocks(flat, node, placement.numbers);
  for (const Extent& extent : placement.extents[node]) {
    THAW_TRY(map.write(extent.device_block * kBlockSize,
                       ByteView(bytes).subspan(extent.file_block * kBlockSize, extent.count * kBlockSize)));
  }
  return {};
}

Status write_long_target(const FlatTree& flat, const Placement& placement, Node node, BlockMap& map) {
  return map.write(placement.extents[node].front().device_block * kBlockSize,
                   as_bytes(flat.inode(node).target));
}

Status write_all(const FlatTree& flat, Placement& placement, BlockMap& map) {
  THAW_ASSIGN(Filesystem filesystem, open_filesystem(map, placement.geometry, identify(flat)));
  InodeWriter writer(flat, placement, filesystem.get());
  for (const Node node : placement.order) {
    THAW_TRY(writer.write(node));
    const Inode& inode = flat.inode(node);
    if (inode.type == FileType::kDirectory) THAW_TRY(write_directory(flat, placement, node, map));
    if (inode.type == FileType::kSymlink && target_takes_block(inode)) {
      THAW_TRY(write_long_target(flat, placement, node, map));
    }
  }
  return flush(filesystem);
}

}  // namespace

Result<BlockMap> write_filesystem(const FlatTree& flat, Placement& placement, Spool& spool) {
  BlockMap map(spool);
  const Status written = write_all(flat, placement, map);
  // What went wrong in the spool comes through libext2fs as a number.
  THAW_TRY(map.failure());
  THAW_TRY(written);
  THAW_TRY(map.finish());
  return map;
}

}  // namespace thaw
