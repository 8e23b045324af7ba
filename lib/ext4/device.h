// Device: the bytes of an image's ext4 filesystem, chunk by chunk, without a copy of them on disk.
//
// Made from a Tree and its Spool by lay_out; the same flattened tree gives the same bytes, always, on any
// machine and in whatever order the tree was built. Metadata and file bytes are read from the Spool, which
// must outlive the Device. Immutable: any thread may read chunks, many at a time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/base/units.h"
#include "lib/ext4/block_map.h"
#include "lib/tree/spool.h"
#include "lib/tree/tree.h"

namespace thaw {

// Names the placement policy. It stands in the manifest; a change that moves a byte needs a new number.
inline constexpr uint32_t kLayoutVersion = 2;

struct LayoutOptions {
  uint64_t chunk_bytes = 512 * kKiB;  // a power of two from 64 KiB to 8 MiB
};

// A run of device bytes that comes from the Spool.
struct DataRun {
  uint64_t device_offset = 0;
  uint64_t length = 0;
  uint64_t spool_offset = 0;
};

class Device {
 public:
  Device(uint64_t device_bytes, uint64_t chunk_bytes, std::array<uint8_t, 16> uuid, BlockMap metadata,
         std::vector<DataRun> data, std::vector<uint32_t> path_order, const Spool& spool);

  uint64_t device_bytes() const { return device_bytes_; }
  uint64_t chunk_bytes() const { return chunk_bytes_; }
  uint64_t chunk_count() const { return device_bytes_ / chunk_bytes_; }
  const std::array<uint8_t, 16>& uuid() const { return uuid_; }

  // The chunks that hold metadata or file bytes, ascending; every other chunk is zeros. One of these may turn
  // out to be zeros too, where a file has them.
  const std::vector<uint64_t>& chunks() const { return chunks_; }
  // Of these, what paths need, in their order (path_order.h).
  const std::vector<uint32_t>& path_order() const { return path_order_; }

  // Fills `out`. REQUIRES: index < chunk_count(), out.size() == chunk_bytes(). Blocks on the spool.
  Status read_chunk(uint64_t index, MutableBytes out) const;

  // Metadata by block number, for tests and measurements.
  const BlockMap& metadata() const { return metadata_; }

 private:
  void list_chunks();

  uint64_t device_bytes_;
  uint64_t chunk_bytes_;
  std::array<uint8_t, 16> uuid_;
  BlockMap metadata_;
  std::vector<DataRun> data_;  // ascending, disjoint
  std::vector<uint32_t> path_order_;
  const Spool* spool_;
  std::vector<uint64_t> chunks_;
};

// kFailed, with the path, when the tree says what ext4 cannot; kUsage for a chunk size out of range.
// The metadata goes into the spool, behind the files' contents.
Result<Device> lay_out(const Tree& tree, Spool& spool, const LayoutOptions& options);

}  // namespace thaw
