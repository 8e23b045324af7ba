// DeviceSource: a laid-out device that can be read chunk by chunk.
//
// Immutable: any thread may read chunks, many at a time; reading blocks.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

struct DeviceShape {
  uint64_t device_bytes = 0;         // a multiple of 4096
  uint32_t chunk_size = 0;           // bytes, a power of two
  uint32_t layout_version = 0;       // the placement policy that made it
  std::vector<uint32_t> chunks;      // ascending: those that may hold data; every other chunk is zeros
  std::vector<uint32_t> path_order;  // of these, what paths need, in their order
};

class DeviceSource {
 public:
  virtual ~DeviceSource() = default;
  virtual const DeviceShape& shape() const = 0;
  // Fills `out`; what lies behind the device's end is zeros. REQUIRES: out.size() == shape().chunk_size
  virtual Status read_chunk(uint32_t index, MutableBytes out) const = 0;
};

}  // namespace thaw
