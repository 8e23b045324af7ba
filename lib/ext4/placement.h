// Placement: the policy that gives every inode its number and every block of data its address.
//
// Addresses are made from what is stable from image to image (paths, contents' hashes), never from a position
// in a sequence, so that what two images have in common becomes equal chunks. docs/formats/layout.md
// specifies it; a change of any rule here needs a new kLayoutVersion (device.h). Belongs to one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/result.h"
#include "lib/ext4/flat_tree.h"
#include "lib/ext4/geometry.h"
#include "lib/ext4/slot_map.h"

namespace thaw {

struct Extent {
  uint64_t file_block = 0;
  uint64_t device_block = 0;
  uint64_t count = 0;  // blocks, at most kMaxExtentBlocks
};

inline constexpr uint64_t kMaxExtentBlocks = 32768;

struct Placement {
  Geometry geometry;
  SlotMap data_slots;                        // what is left of them
  std::vector<uint32_t> numbers;             // inode numbers, by node
  std::vector<Node> order;                   // nodes by ascending inode number
  std::vector<std::vector<Extent>> extents;  // by node, ascending: file data, directory blocks, long targets
};

// Uses the smallest size class that holds the tree with room to spare. kFailed when none does.
Result<Placement> place(const FlatTree& flat, uint64_t chunk_bytes);

// Whether a link's target is too long for the inode and takes a block.
bool target_takes_block(const Inode& link);

}  // namespace thaw
