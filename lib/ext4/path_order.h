// path_order: an image's chunks in the order of the paths that lie in them.
//
// Addresses are scattered by hashes, so that neighbours on the device have nothing to do with each other; a
// program's next read is rather for a path beside its last one. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/ext4/placement.h"

namespace thaw {

// For each path its inode's chunk, then its data's or directory blocks'; each chunk once, where it comes
// first. Places on the device, in chunks.
std::vector<uint32_t> path_order(const FlatTree& flat, const Placement& placement);

}  // namespace thaw
