#include "lib/ext4/device.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/ext4/filesystem_writer.h"
#include "lib/ext4/identity.h"
#include "lib/ext4/path_order.h"
#include "lib/ext4/placement.h"

namespace thaw {
namespace {

// Adds the part of `segment` that `extent` holds.
void add_run(const Segment& segment, const Extent& extent, std::vector<DataRun>& runs) {
  const uint64_t extent_start = extent.file_block * kBlockSize;
  const uint64_t start = std::max(segment.offset, extent_start);
  const uint64_t end = std::min(segment.offset + segment.length, extent_start + extent.count * kBlockSize);
  if (start >= end) return;
  runs.push_back({.device_offset = extent.device_block * kBlockSize + (start - extent_start),
                  .length = end - start,
                  .spool_offset = segment.spool_offset + (start - segment.offset)});
}

// Segments and extents both ascend, and extents cover all segments.
void add_file(const Inode& file, const std::vector<Extent>& extents, std::vector<DataRun>& runs) {
  size_t first = 0;
  for (const Segment& segment : file.segments) {
    const auto past = [&extents](size_t i, uint64_t offset) {
      return (extents[i].file_block + extents[i].count) * kBlockSize <= offset;
    };
    while (first < extents.size() && past(first, segment.offset)) ++first;
    const uint64_t end = segment.offset + segment.length;
    for (size_t i = first; i < extents.size() && extents[i].file_block * kBlockSize < end; ++i) {
      add_run(segment, extents[i], runs);
    }
  }
}

std::vector<DataRun> merge(std::vector<DataRun> runs) {
  std::sort(runs.begin(), runs.end(),
            [](const DataRun& a, const DataRun& b) { return a.device_offset < b.device_offset; });
  std::vector<DataRun> merged;
  for (const DataRun& run : runs) {
    DataRun* last = merged.empty() ? nullptr : &merged.back();
    if (last && last->device_offset + last->length == run.device_offset &&
        last->spool_offset + last->length == run.spool_offset) {
      last->length += run.length;
    } else {
      merged.push_back(run);
    }
  }
  return merged;
}

}  // namespace

Device::Device(uint64_t device_bytes, uint64_t chunk_bytes, std::array<uint8_t, 16> uuid, BlockMap metadata,
               std::vector<DataRun> data, std::vector<uint32_t> path_order, const Spool& spool)
    : device_bytes_(device_bytes),
      chunk_bytes_(chunk_bytes),
      uuid_(uuid),
      metadata_(std::move(metadata)),
      data_(std::move(data)),
      path_order_(std::move(path_order)),
      spool_(&spool) {
  list_chunks();
}

void Device::list_chunks() {
  for (const auto& [block, place] : metadata_.blocks()) chunks_.push_back(block * kBlockSize / chunk_bytes_);
  for (const DataRun& run : data_) {
    const uint64_t end = run.device_offset + run.length;
    for (uint64_t chunk = run.device_offset / chunk_bytes_; chunk * chunk_bytes_ < end; ++chunk) {
      if (chunks_.empty() || chunks_.back() != chunk) chunks_.push_back(chunk);
    }
  }
  std::sort(chunks_.begin(), chunks_.end());
  chunks_.erase(std::unique(chunks_.begin(), chunks_.end()), chunks_.end());
  chunks_.shrink_to_fit();
}

Status Device::read_chunk(uint64_t index, MutableBytes out) const {
  const uint64_t start = index * chunk_bytes_;
  const uint64_t end = start + chunk_bytes_;
  std::memset(out.data(), 0, out.size());
  const auto& blocks = metadata_.blocks();
  for (auto block = blocks.lower_bound(start / kBlockSize);
       block != blocks.end() && block->first * kBlockSize < end; ++block) {
    THAW_TRY(spool_->read(block->second, out.subspan(block->first * kBlockSize - start, kBlockSize)));
  }
  auto run = std::upper_bound(data_.begin(), data_.end(), start, [](uint64_t offset, const DataRun& r) {
    return offset < r.device_offset + r.length;
  });
  for (; run != data_.end() && run->device_offset < end; ++run) {
    const uint64_t from = std::max(start, run->device_offset);
    const uint64_t to = std::min(end, run->device_offset + run->length);
    THAW_TRY(
        spool_->read(run->spool_offset + (from - run->device_offset), out.subspan(from - start, to - from)));
  }
  return {};
}

Result<Device> lay_out(const Tree& tree, Spool& spool, const LayoutOptions& options) {
  if (!std::has_single_bit(options.chunk_bytes) || options.chunk_bytes < Geometry::kMinChunk ||
      options.chunk_bytes > Geometry::kMaxChunk) {
    return Error{Code::kUsage, "chunk size " + format_size(options.chunk_bytes) +
                                   " is no power of two from 64 KiB to 8 MiB; choose another"};
  }
  THAW_ASSIGN(const FlatTree flat, FlatTree::flatten(tree));
  THAW_ASSIGN(Placement placement, place(flat, options.chunk_bytes));
  THAW_ASSIGN(BlockMap metadata, write_filesystem(flat, placement, spool));
  std::vector<DataRun> runs;
  for (Node node = 0; node < flat.nodes.size(); ++node) {
    const Inode& inode = flat.inode(node);
    if (inode.type == FileType::kRegular) add_file(inode, placement.extents[node], runs);
  }
  return Device(placement.geometry.device_bytes(), options.chunk_bytes, uuid_of(flat), std::move(metadata),
                merge(std::move(runs)), path_order(flat, placement), spool);
}

}  // namespace thaw
