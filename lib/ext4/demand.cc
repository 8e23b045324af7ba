#include "lib/ext4/demand.h"

#include <cstring>

#include "lib/ext4/directory_blocks.h"
#include "lib/ext4/geometry.h"
#include "lib/ext4/placement.h"

namespace thaw {
namespace {

// How large packs are on average, in parts of a chunk. Chosen by measurement, see docs/formats/layout.md.
constexpr uint64_t kDataPackDivisor = 4;
constexpr uint64_t kDirectoryPackDivisor = 4;
constexpr uint64_t kInodePackDivisor = 8;

// From this part of a chunk on, a file starts at a chunk of its own.
constexpr uint64_t kLargeDivisor = 4;

// Keeps the hashes for different purposes apart.
constexpr uint64_t kCutSalt = 0x5468617743757473U;

uint64_t content_hash(const Inode& inode) {
  if (inode.type == FileType::kSymlink) return stable_hash(inode.target);
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value |= uint64_t{inode.content.bytes[i]} << (8 * i);
  return mix(value);
}

uint64_t total(const std::vector<BlockRun>& runs) {
  uint64_t sum = 0;
  for (const BlockRun& run : runs) sum += run.count;
  return sum;
}

std::vector<BlockRun> runs_of(const Inode& inode) {
  switch (inode.type) {
    case FileType::kRegular:
      return data_blocks(inode);
    case FileType::kDirectory:
      return {{.first = 0, .count = directory_block_count(inode)}};
    case FileType::kSymlink:
      if (target_takes_block(inode)) return {{.first = 0, .count = 1}};
      return {};
    default:
      return {};
  }
}

// Appends the parts of one large node: its chunks that hold data, cut where an extent must end.
void add_large_parts(Node node, const std::vector<BlockRun>& runs, uint64_t chunk_blocks,
                     std::vector<LargePart>& parts) {
  const uint64_t part_chunks = kMaxExtentBlocks / chunk_blocks;
  uint64_t next = 0;  // the first chunk that no part covers
  bool adjoins = false;
  for (const BlockRun& run : runs) {
    const uint64_t first = run.first / chunk_blocks;
    const uint64_t end = (run.first + run.count + chunk_blocks - 1) / chunk_blocks;
    for (uint64_t chunk = std::max(first, next); chunk < end; ++chunk) {
      if (adjoins && chunk == next && chunk % part_chunks != 0) {
        ++parts.back().chunks;
      } else {
        parts.push_back({.node = node, .first_chunk = chunk, .chunks = 1});
      }
      adjoins = true;
      next = chunk + 1;
    }
  }
}

}  // namespace

Demand::Demand(const FlatTree& flat, uint64_t blocks_per_chunk)
    : chunk_blocks(blocks_per_chunk),
      inodes_per_chunk(blocks_per_chunk * kBlockSize / kInodeSize),
      runs(flat.nodes.size()),
      files(flat.nodes.size()) {
  std::vector<PackItem> data_items;
  std::vector<PackItem> directory_items;
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    const Inode& inode = flat.inode(node);
    const uint64_t path_hash = flat.nodes[node].path_hash;
    const bool is_directory = inode.type == FileType::kDirectory;
    if (!is_directory) files[flat.nodes[node].parent].push_back(node);
    runs[node] = runs_of(inode);
    const uint64_t blocks = total(runs[node]);
    if (blocks == 0) continue;
    if (blocks >= chunk_blocks / kLargeDivisor) {
      add_large_parts(node, runs[node], chunk_blocks, large_parts);
    } else if (is_directory) {
      directory_items.push_back({node, blocks, mix(path_hash ^ kCutSalt), path_hash});
    } else {
      data_items.push_back({node, blocks, content_hash(inode), path_hash});
    }
  }
  data_packs = pack(data_items, {.capacity = chunk_blocks, .mean_units = chunk_blocks / kDataPackDivisor});
  directory_packs =
      pack(directory_items, {.capacity = chunk_blocks, .mean_units = chunk_blocks / kDirectoryPackDivisor});

  std::vector<PackItem> inode_items;
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    if (flat.inode(node).type != FileType::kDirectory) continue;
    // The root's slot begins with the reserved inodes, one of which is the root.
    const uint64_t own = node == 0 ? kFirstFreeInode - 1 : 1;
    const uint64_t path_hash = flat.nodes[node].path_hash;
    inode_items.push_back({node, own + files[node].size(), mix(path_hash ^ kCutSalt), path_hash});
  }
  inode_packs =
      pack(inode_items, {.capacity = inodes_per_chunk, .mean_units = inodes_per_chunk / kInodePackDivisor});
}

uint64_t Demand::data_slots() const {
  uint64_t slots = data_packs.size() + directory_packs.size();
  for (const LargePart& part : large_parts) slots += part.chunks;
  return slots;
}

uint64_t Demand::inode_slots() const {
  uint64_t slots = 0;
  for (const Pack& pack : inode_packs) slots += round_up(pack.units, inodes_per_chunk) / inodes_per_chunk;
  return slots;
}

}  // namespace thaw
