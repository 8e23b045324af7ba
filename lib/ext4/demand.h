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

  // Whether a node's blocks start at a chunk of their own.
  bool is_large(Node node) const;

  uint64_t chunk_blocks;
  uint64_t inodes_per_chunk;
  std::vector<std::vector<BlockRun>> runs;  // by node: the blocks that need an address
  std::vector<LargePart> large_parts;
  std::vector<Pack> data_packs;  // items are nodes; units are blocks: small files and long targets
  // Directories in groups. A group's inodes (the directories' and their files') share a slot of the inode
  // table, its blocks a slot of data: what changes in a directory changes its group's two chunks and few
  // others.
  std::vector<Pack> groups;           // units are inodes, or what a block weighs in them
  std::vector<Pack> directory_packs;  // the groups' small directories; units are blocks
  // By directory node: its inodes that are no directories, in name order.
  std::vector<std::vector<Node>> files;

 private:
  void group(std::vector<PackItem> folders);
};

}  // namespace thaw
