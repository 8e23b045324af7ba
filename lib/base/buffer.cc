#include "lib/base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace thaw {
namespace {

constexpr size_t kAlignment = 4096;

}  // namespace

Buffer::Buffer(size_t size) : size_(size) {
  if (size == 0) return;
  const size_t rounded = (size + kAlignment - 1) / kAlignment * kAlignment;
  data_.reset(static_cast<uint8_t*>(std::aligned_alloc(kAlignment, rounded)));
  if (!data_) throw std::bad_alloc();
}

Buffer Buffer::copy_of(ByteView bytes) {
  Buffer buffer(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return buffer;
}

void Buffer::Free::operator()(uint8_t* pointer) const { std::free(pointer); }

}  // namespace thaw
