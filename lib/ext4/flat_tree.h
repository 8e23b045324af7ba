// FlatTree: the reachable inodes of a Tree in path order, each once, under its first path.
//
// This order, and nothing of the Tree's own inode indexes, is what a layout may depend on: the same flattened
// tree gives the same FlatTree however the Tree was built. Immutable after flatten; refers to the Tree, which
// must outlive it.
#pragma once

#include <string>
#include <vector>

#include "lib/base/mix.h"
#include "lib/base/result.h"
#include "lib/tree/tree.h"

namespace thaw {

using Node = uint32_t;  // a position in FlatTree::nodes

// Consecutive 4 KiB blocks of a file that hold data, counted from the file's start.
struct BlockRun {
  uint64_t first = 0;
  uint64_t count = 0;
};

struct FlatNode {
  InodeIndex index = 0;
  Node parent = 0;         // the directory of its first path; the root is its own
  uint64_t path_hash = 0;  // of its first path
  uint32_t names = 0;      // entries that name it
  uint32_t subfolders = 0;
};

struct FlatTree {
  static Result<FlatTree> flatten(const Tree& tree);

  const Inode& inode(Node node) const { return tree->inode(nodes[node].index); }
  Node node_of(InodeIndex index) const { return node_of_index[index]; }

  const Tree* tree = nullptr;
  std::vector<FlatNode> nodes;      // [0] is the root
  std::vector<Node> node_of_index;  // by InodeIndex; undefined for unreachable inodes
};

// FNV-1a over the text, spread by mix(). Equal on every machine; part of the layout.
uint64_t stable_hash(std::string_view text);

// The blocks of a regular file that hold data, ascending, not touching one another.
std::vector<BlockRun> data_blocks(const Inode& file);

// The first path of an inode, with a leading slash, for messages. Walks the whole tree.
std::string path_of(const Tree& tree, InodeIndex index);

}  // namespace thaw
