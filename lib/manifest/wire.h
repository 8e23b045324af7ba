// WireWriter and WireReader: the little-endian fields that all of Thaw's binary formats are made of
// (docs/formats/).
//
// Values of one thread. A reader never reads past its bytes and never allocates more than it has seen: after
// the first field that does not fit it is failed, and every later field is zero. Callers read all fields,
// then ask finished() once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/manifest/identifier.h"

namespace thaw {

class WireWriter {
 public:
  void u8(uint8_t value) { out_.push_back(value); }
  void u16(uint16_t value) { integer(value, 2); }
  void u32(uint32_t value) { integer(value, 4); }
  void u64(uint64_t value) { integer(value, 8); }
  void bytes(ByteView value) { out_.insert(out_.end(), value.begin(), value.end()); }
  // A u16 length and the text. REQUIRES: text.size() < 65536
  void text16(std::string_view text);
  // A u32 length and the text. REQUIRES: text.size() < 2^32
  void text32(std::string_view text);
  // SHA-256 of all that was written before: finds accidents; a signature or tag stands against malice.
  void checksum();

  void reserve(size_t bytes) { out_.reserve(bytes); }
  ByteView view() const { return out_; }
  MutableBytes mutable_view() { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  void integer(uint64_t value, int size);
  Bytes out_;
};

class WireReader {
 public:
  explicit WireReader(ByteView bytes) : all_(bytes), rest_(bytes) {}

  uint8_t u8() { return static_cast<uint8_t>(integer(1)); }
  uint16_t u16() { return static_cast<uint16_t>(integer(2)); }
  uint32_t u32() { return static_cast<uint32_t>(integer(4)); }
  uint64_t u64() { return integer(8); }
  // A view of the next `size` bytes; empty when there are fewer.
  ByteView bytes(size_t size);
  std::string text16(size_t max_size) { return text(u16(), max_size); }
  std::string text32(size_t max_size) { return text(u32(), max_size); }
  // The next bytes must be these.
  void expect(ByteView wanted);
  void expect_u32(uint32_t wanted);
  // The next 32 bytes must be the SHA-256 of all that was read before.
  void expect_checksum();
  void fill(MutableBytes out);
  Digest digest();
  Identifier identifier();

  void fail() { failed_ = true; }
  bool failed() const { return failed_; }
  size_t remaining() const { return rest_.size(); }
  size_t position() const { return all_.size() - rest_.size(); }
  // Everything fitted and nothing is left over.
  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  uint64_t integer(size_t size);
  std::string text(size_t size, size_t max_size);

  ByteView all_;
  ByteView rest_;
  bool failed_ = false;
};

}  // namespace thaw
