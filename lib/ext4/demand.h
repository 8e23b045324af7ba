// Demand: what a tree asks of a device, before a size class is chosen: runs of data slots and groups of
// inodes.
//
// Everything here depends on the tree and the chunk size alone. Belongs to one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/ext4/flat_tree.h"
#include "lib/ext4/packing.h"

namespace thaw {

// A part of a large file or directory: consecutive chunks of it that hold data, at most one extent long.
struct LargePart {
  Node node = 0;
  uint64_t first_chunk = 0;  // of the file
  uint64_t chunks = 0;
};

struct Demand {
  Demand(const FlatTree& flat, uint64_t chunk_blocks);

  uint64_t data_slots() const;
  uint64_t inode_slots() const;

  uint64_t chunk_blocks;
  uint64_t inodes_per_chunk;
  std::vector<std::vector<BlockRun>> runs;  // by node: the blocks that need an address
  std::vector<LargePart> large_parts;
  std::vector<Pack> data_packs;       // items are nodes; units are blocks: small files and long targets
  std::vector<Pack> directory_packs;  // items are nodes; units are blocks
  std::vector<Pack> inode_packs;      // items are directories; units are inodes: theirs and their files'
  std::vector<std::vector<Node>>
      files;  // by directory node: its inodes that are no directories, in name order
};

}  // namespace thaw
