// Directory blocks: linear ext4 directories, entries sorted by name, with file types and without an index or
// checksums. Source of the format: the kernel's Documentation/filesystems/ext4/directory.rst.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/ext4/flat_tree.h"

namespace thaw {

// How many 4 KiB blocks the directory takes; at least one. Depends on its names alone.
uint64_t directory_block_count(const Inode& directory);

// The blocks, one behind the other. `numbers` holds every node's inode number.
Bytes directory_blocks(const FlatTree& flat, Node directory, const std::vector<uint32_t>& numbers);

}  // namespace thaw
