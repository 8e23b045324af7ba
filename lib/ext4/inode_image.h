// make_inode: an inode of a Tree as ext4 has it on disk, without block pointers and attributes.
#pragma once

#include <ext2fs/ext2fs.h>

#include "lib/base/result.h"
#include "lib/ext4/flat_tree.h"

namespace thaw {

// kFailed, naming the path, for what an ext4 inode cannot say.
Result<ext2_inode_large> make_inode(const FlatTree& flat, Node node);

}  // namespace thaw
