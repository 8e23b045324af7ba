#include "lib/ext4/block_map.h"

#include <algorithm>
#include <cstring>

namespace thaw {
namespace {

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

void BlockMap::read(uint64_t offset, MutableBytes out) const {
  while (!out.empty()) {
    const uint64_t inside = offset % kBlockSize;
    const size_t length = std::min<size_t>(out.size(), kBlockSize - inside);
    const auto found = blocks_.find(offset / kBlockSize);
    if (found == blocks_.end()) {
      std::memset(out.data(), 0, length);
    } else {
      std::memcpy(out.data(), found->second.data() + inside, length);
    }
    offset += length;
    out = out.subspan(length);
  }
}

void BlockMap::write(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const uint64_t inside = offset % kBlockSize;
    const size_t length = std::min<size_t>(bytes.size(), kBlockSize - inside);
    const ByteView part = bytes.first(length);
    auto found = blocks_.find(offset / kBlockSize);
    if (found == blocks_.end() && !all_zero(part))
      found = blocks_.emplace(offset / kBlockSize, Block{}).first;
    if (found != blocks_.end()) std::memcpy(found->second.data() + inside, part.data(), length);
    offset += length;
    bytes = bytes.subspan(length);
  }
}

void BlockMap::drop_zero_blocks() {
  std::erase_if(blocks_, [](const auto& entry) { return all_zero(entry.second); });
}

}  // namespace thaw
