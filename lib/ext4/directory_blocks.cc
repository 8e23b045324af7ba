#include "lib/ext4/directory_blocks.h"

#include <cstring>

#include "lib/ext4/geometry.h"

namespace thaw {
namespace {

constexpr uint64_t kHeaderSize = 8;

uint64_t entry_size(std::string_view name) { return round_up(kHeaderSize + name.size(), 4); }

uint8_t type_code(FileType type) {
  switch (type) {
    case FileType::kRegular:
      return 1;
    case FileType::kDirectory:
      return 2;
    case FileType::kCharDevice:
      return 3;
    case FileType::kBlockDevice:
      return 4;
    case FileType::kFifo:
      return 5;
    case FileType::kSocket:
      return 6;
    case FileType::kSymlink:
      return 7;
  }
  return 0;
}

void put_le(uint8_t* at, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

// Appends entries; the last entry of each block reaches to the block's end.
class DirectoryWriter {
 public:
  explicit DirectoryWriter(uint64_t blocks) { bytes_.reserve(blocks * kBlockSize); }

  void add(std::string_view name, uint32_t number, FileType type) {
    const uint64_t size = entry_size(name);
    if (bytes_.empty() || size > kBlockSize - used_) start_block();
    uint8_t* entry = bytes_.data() + (bytes_.size() - kBlockSize) + used_;
    put_le(entry, number, 4);
    put_le(entry + 4, size, 2);
    entry[6] = static_cast<uint8_t>(name.size());
    entry[7] = type_code(type);
    std::memcpy(entry + kHeaderSize, name.data(), name.size());
    last_ = used_;
    used_ += size;
  }

  Bytes finish() {
    close_block();
    return std::move(bytes_);
  }

 private:
  void start_block() {
    if (!bytes_.empty()) close_block();
    bytes_.resize(bytes_.size() + kBlockSize);
    used_ = 0;
  }

  void close_block() {
    put_le(bytes_.data() + (bytes_.size() - kBlockSize) + last_ + 4, kBlockSize - last_, 2);
  }

  Bytes bytes_;
  uint64_t used_ = 0;  // bytes of the last block
  uint64_t last_ = 0;  // where its last entry starts
};

}  // namespace

uint64_t directory_block_count(const Inode& directory) {
  uint64_t blocks = 1;
  uint64_t used = entry_size(".") + entry_size("..");
  for (const auto& [name, index] : directory.entries) {
    const uint64_t size = entry_size(name);
    if (size > kBlockSize - used) {
      ++blocks;
      used = 0;
    }
    used += size;
  }
  return blocks;
}

Bytes directory_blocks(const FlatTree& flat, Node directory, const std::vector<uint32_t>& numbers) {
  const Inode& inode = flat.inode(directory);
  DirectoryWriter writer(directory_block_count(inode));
  writer.add(".", numbers[directory], FileType::kDirectory);
  writer.add("..", numbers[flat.nodes[directory].parent], FileType::kDirectory);
  for (const auto& [name, index] : inode.entries) {
    writer.add(name, numbers[flat.node_of(index)], flat.tree->inode(index).type);
  }
  return writer.finish();
}

}  // namespace thaw
