// ImageMap: which sealed chunk stands where on an image's virtual device, with the keys. The opened manifest
// in the shape that reads need.
//
// Made once a manifest, immutable afterwards and shared by all its readers; any thread may read. Holds keys
// in memory, never on disk (KeyTable).
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/result.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/secret.h"

namespace thaw {

struct ImageMap {
  struct Entry {
    uint32_t index = 0;  // the chunk's place on the device, in chunks
    ChunkRef ref;
  };

  uint64_t device_size = 0;    // bytes
  uint32_t chunk_size = 0;     // bytes
  std::vector<Entry> entries;  // ascending by index; what has no entry is zeros
  KeyTable keys;               // keys.key(i) opens entries[i]

  // The first entry at or after `index`, as a place in `entries`.
  size_t first_at_or_after(uint64_t index) const;
};

// Whether `map` keeps what its comments promise; a reader relies on it for its bounds.
Status check(const ImageMap& map);

}  // namespace thaw
