#include "lib/ext4/geometry.h"

namespace thaw {
namespace {

constexpr uint64_t kDescriptorSize = 32;

}  // namespace

const std::vector<uint64_t>& size_classes() {
  static const std::vector<uint64_t> classes = {1 * kGiB, 4 * kGiB, 16 * kGiB, 64 * kGiB, 256 * kGiB};
  return classes;
}

Geometry::Geometry(uint64_t device_bytes, uint64_t chunk_bytes)
    : chunk_blocks_(chunk_bytes / kBlockSize), groups_(device_bytes / (kBlocksPerGroup * kBlockSize)) {
  const uint64_t descriptors = round_up(groups_ * kDescriptorSize, kBlockSize) / kBlockSize;
  bitmaps_ = 1 + descriptors;
  tables_ = round_up(bitmaps_ + 2 * groups_, chunk_blocks_);
  data_ = round_up(tables_ + groups_ * kTableBlocksPerGroup, chunk_blocks_);
}

}  // namespace thaw
