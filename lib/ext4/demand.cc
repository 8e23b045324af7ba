#include "lib/ext4/demand.h"

#include <cstring>

#include "lib/ext4/directory_blocks.h"
#include "lib/ext4/geometry.h"
#include "lib/ext4/placement.h"

namespace thaw {
namespace {

// How large packs are on average, in parts of a chunk. Chosen by measurement, see docs/formats/layout.md.
constexpr uint64_t kDataPackDivisor = 8;
constexpr uint64_t kGroupDivisor = 12;

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
  std::vector<PackItem> folders;
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    const Inode& inode = flat.inode(node);
    const uint64_t path_hash = flat.nodes[node].path_hash;
    const bool is_directory = inode.type == FileType::kDirectory;
    if (is_directory) {
      folders.push_back({node, 0, mix(path_hash ^ kCutSalt), path_hash});
    } else {
      files[flat.nodes[node].parent].push_back(node);
    }
    runs[node] = runs_of(inode);
    const uint64_t blocks = total(runs[node]);
    if (is_large(node)) {
      add_large_parts(node, runs[node], chunk_blocks, large_parts);
    } else if (!is_directory && blocks > 0) {
      data_items.push_back({node, blocks, content_hash(inode), path_hash});
    }
  }
  data_packs = pack(data_items, {.capacity = chunk_blocks, .mean_units = chunk_blocks / kDataPackDivisor});
  group(std::move(folders));
}

bool Demand::is_large(Node node) const { return total(runs[node]) >= chunk_blocks / kLargeDivisor; }

void Demand::group(std::vector<PackItem> folders) {
  for (PackItem& folder : folders) {
    // The root's slot begins with the reserved inodes, one of which is the root.
    const uint64_t inodes = (folder.id == 0 ? kFirstFreeInode - 1 : 1) + files[folder.id].size();
    const uint64_t blocks = is_large(folder.id) ? 0 : total(runs[folder.id]);
    folder.units = std::max(inodes, blocks * (kBlockSize / kInodeSize));
  }
  groups = pack(folders, {.capacity = inodes_per_chunk, .mean_units = inodes_per_chunk / kGroupDivisor});
  for (const Pack& folder_group : groups) {
    Pack blocks;
    for (PackItem folder : folder_group.items) {
      if (is_large(folder.id)) continue;
      if (blocks.items.empty()) blocks.place_hash = folder.place_hash;
      folder.units = total(runs[folder.id]);
      blocks.units += folder.units;
      blocks.items.push_back(folder);
    }
    if (!blocks.items.empty()) directory_packs.push_back(std::move(blocks));
  }
}

uint64_t Demand::data_slots() const {
  uint64_t slots = data_packs.size() + directory_packs.size();
  for (const LargePart& part : large_parts) slots += part.chunks;
  return slots;
}

uint64_t Demand::inode_slots() const {
  uint64_t slots = 0;
  for (const Pack& pack : groups) slots += round_up(pack.units, inodes_per_chunk) / inodes_per_chunk;
  return slots;
}

}  // namespace thaw
