// Encoder, Decoder: the little-endian binary form of Thaw's own formats (docs/formats/). The decoder reads
// untrusted bytes: it never reads beyond them, and after the first failure everything reads as zero and ok()
// is false.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/buffer.h"

namespace thaw {

class Encoder {
 public:
  void u8(uint8_t value) { bytes_.push_back(value); }
  void u16(uint16_t value) { number(value, 2); }
  void u32(uint32_t value) { number(value, 4); }
  void u64(uint64_t value) { number(value, 8); }
  void raw(ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  // A length in two bytes, then the bytes. REQUIRES: bytes.size() < 65536
  void sized(ByteView bytes) {
    u16(static_cast<uint16_t>(bytes.size()));
    raw(bytes);
  }
  void text(std::string_view value) { sized(as_bytes(value)); }

  const Bytes& bytes() const { return bytes_; }
  Bytes take() { return std::move(bytes_); }

 private:
  void number(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
  }

  Bytes bytes_;
};

class Decoder {
 public:
  explicit Decoder(ByteView bytes) : rest_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  // A view into the input; empty after a failure.
  ByteView raw(size_t size) {
    if (!ok_ || size > rest_.size()) {
      ok_ = false;
      return {};
    }
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  ByteView sized() { return raw(u16()); }
  std::string text() { return std::string(as_text(sized())); }
  // Copies exactly out.size() bytes.
  void fill(MutableBytes out) {
    const ByteView taken = raw(out.size());
    if (ok_) std::copy(taken.begin(), taken.end(), out.begin());
  }
  void expect(ByteView expected) {
    const ByteView taken = raw(expected.size());
    if (!std::equal(taken.begin(), taken.end(), expected.begin(), expected.end())) ok_ = false;
  }

  size_t remaining() const { return rest_.size(); }
  bool ok() const { return ok_; }
  // Everything was read and nothing failed.
  bool finished() const { return ok_ && rest_.empty(); }

 private:
  uint64_t number(size_t width) {
    const ByteView taken = raw(width);
    uint64_t value = 0;
    for (size_t i = taken.size(); i-- > 0;) value = value << 8 | taken[i];
    return value;
  }

  ByteView rest_;
  bool ok_ = true;
};

}  // namespace thaw
