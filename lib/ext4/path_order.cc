#include "lib/ext4/path_order.h"

#include <unordered_set>

namespace thaw {
namespace {

class ChunkList {
 public:
  explicit ChunkList(uint64_t chunk_blocks) : chunk_blocks_(chunk_blocks) {}

  void add_blocks(uint64_t first, uint64_t count) {
    for (uint64_t chunk = first / chunk_blocks_; chunk * chunk_blocks_ < first + count; ++chunk) {
      if (seen_.insert(chunk).second) chunks_.push_back(static_cast<uint32_t>(chunk));
    }
  }
  std::vector<uint32_t> take() { return std::move(chunks_); }

 private:
  const uint64_t chunk_blocks_;
  std::unordered_set<uint64_t> seen_;
  std::vector<uint32_t> chunks_;
};

uint64_t block_of_inode(const Geometry& geometry, uint32_t number) {
  const uint64_t group = (number - 1) / kInodesPerGroup;
  return geometry.inode_table(group) + (number - 1) % kInodesPerGroup * kInodeSize / kBlockSize;
}

}  // namespace

std::vector<uint32_t> path_order(const FlatTree& flat, const Placement& placement) {
  ChunkList list(placement.geometry.chunk_blocks());
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    list.add_blocks(block_of_inode(placement.geometry, placement.numbers[node]), 1);
    for (const Extent& extent : placement.extents[node]) list.add_blocks(extent.device_block, extent.count);
  }
  return list.take();
}

}  // namespace thaw
