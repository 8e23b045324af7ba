// write_filesystem: the metadata of the ext4 filesystem (superblock, groups, bitmaps, inodes, extents,
// extended attributes, directories, long link targets) as blocks in a spool, written with libext2fs.
//
// File data is not written: `placement` says where it belongs. The same tree and placement give the same
// blocks.
#pragma once

#include "lib/base/result.h"
#include "lib/ext4/block_map.h"
#include "lib/ext4/flat_tree.h"
#include "lib/ext4/placement.h"

namespace thaw {

// Takes slots from placement.data_slots for what the inodes cannot hold: attribute blocks and extent trees.
// kFailed, naming the path, for what ext4 cannot say (too many links, attributes or bytes). `spool` outlives
// the map.
Result<BlockMap> write_filesystem(const FlatTree& flat, Placement& placement, Spool& spool);

}  // namespace thaw
