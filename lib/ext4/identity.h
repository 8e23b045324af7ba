// Identity: the filesystem's UUID, derived from the flattened tree alone: the same image has the same UUID,
// whatever archive it came in, on whatever machine and at whatever time.
#pragma once

#include <array>
#include <cstdint>

#include "lib/ext4/flat_tree.h"

namespace thaw {

// The first 16 bytes of a SHA-256 over all that the tree says (docs/formats/layout.md), marked as a UUID of
// version 8 (RFC 9562).
std::array<uint8_t, 16> uuid_of(const FlatTree& flat);

// The newest mtime in seconds, held within 1 and 2^32 - 1: what the superblock takes for its times.
uint32_t newest_second(const FlatTree& flat);

}  // namespace thaw
