// Buffer: bytes owned by one holder, page-aligned (O_DIRECT) and not cleared when allocated; large ones lie
// in buffer_arena(). ByteView and MutableBytes: the spans that travel between functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace thaw {

using ByteView = std::span<const uint8_t>;
using MutableBytes = std::span<uint8_t>;
using Bytes = std::vector<uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Buffer {
 public:
  Buffer() = default;
  // Contents are undefined until written. Throws std::bad_alloc.
  explicit Buffer(size_t size);
  static Buffer copy_of(ByteView bytes);
  // Whether one of `size` bytes lies in buffer_arena(), or is too small for it.
  static bool lies_in_arena(size_t size);

  uint8_t* data() { return data_.get(); }
  const uint8_t* data() const { return data_.get(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {data_.get(), size_}; }
  MutableBytes mutable_view() { return {data_.get(), size_}; }

  // Keeps the first `size` bytes; the allocation stays. REQUIRES: size <= this->size()
  void truncate(size_t size) { size_ = size; }

 private:
  struct Free {
    size_t bytes;  // as allocated
    void operator()(uint8_t* pointer) const;
  };
  std::unique_ptr<uint8_t[], Free> data_;
  size_t size_ = 0;
};

}  // namespace thaw
