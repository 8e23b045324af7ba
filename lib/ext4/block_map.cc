#include "lib/ext4/block_map.h"

#include <algorithm>
#include <cstring>

namespace thaw {
namespace {

bool all_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

}  // namespace

Status BlockMap::read(uint64_t offset, MutableBytes out) const {
  while (!out.empty()) {
    const uint64_t inside = offset % kBlockSize;
    const size_t length = std::min<size_t>(out.size(), kBlockSize - inside);
    THAW_TRY(read_block(offset / kBlockSize, inside, out.first(length)));
    offset += length;
    out = out.subspan(length);
  }
  return {};
}

Status BlockMap::read_block(uint64_t number, uint64_t inside, MutableBytes out) const {
  if (last_ && last_->number == number) {
    std::memcpy(out.data(), last_->bytes.data() + inside, out.size());
    return {};
  }
  const auto found = blocks_.find(number);
  if (found != blocks_.end()) return spool_->read(found->second + inside, out);
  std::memset(out.data(), 0, out.size());
  return {};
}

Status BlockMap::write(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const uint64_t inside = offset % kBlockSize;
    const size_t length = std::min<size_t>(bytes.size(), kBlockSize - inside);
    THAW_TRY(load(offset / kBlockSize));
    std::memcpy(last_->bytes.data() + inside, bytes.data(), length);
    offset += length;
    bytes = bytes.subspan(length);
  }
  return {};
}

Status BlockMap::finish() {
  THAW_TRY(store());
  last_.reset();
  return {};
}

Status BlockMap::load(uint64_t number) {
  if (last_ && last_->number == number) return {};
  THAW_TRY(store());
  Block block{.number = number};
  if (Status read = read_block(number, 0, block.bytes); !read.ok()) return failure_ = std::move(read);
  last_ = block;
  return {};
}

Status BlockMap::store() {
  if (!last_) return {};
  const auto found = blocks_.find(last_->number);
  if (found != blocks_.end()) {
    if (Status written = spool_->write(found->second, last_->bytes); !written.ok()) failure_ = written;
    return failure_;
  }
  if (all_zero(last_->bytes)) return {};
  const Result<uint64_t> place = spool_->append(last_->bytes);
  if (!place.ok()) return failure_ = place.error();
  blocks_.emplace(last_->number, place.value());
  return {};
}

}  // namespace thaw
