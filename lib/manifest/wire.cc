#include "lib/manifest/wire.h"

#include <algorithm>
#include <cstring>

#include "lib/crypto/hash.h"

namespace thaw {

void WireWriter::integer(uint64_t value, int size) {
  for (int i = 0; i < size; ++i, value >>= 8) out_.push_back(static_cast<uint8_t>(value));
}

void WireWriter::text16(std::string_view text) {
  u16(static_cast<uint16_t>(text.size()));
  bytes(as_bytes(text));
}

void WireWriter::text32(std::string_view text) {
  u32(static_cast<uint32_t>(text.size()));
  bytes(as_bytes(text));
}

void WireWriter::checksum() {
  const Digest sum = sha256(out_);
  bytes(sum.view());
}

ByteView WireReader::bytes(size_t size) {
  if (failed_ || size > rest_.size()) {
    failed_ = true;
    return {};
  }
  const ByteView taken = rest_.first(size);
  rest_ = rest_.subspan(size);
  return taken;
}

uint64_t WireReader::integer(size_t size) {
  const ByteView raw = bytes(size);
  uint64_t value = 0;
  for (size_t i = raw.size(); i-- > 0;) value = value << 8 | raw[i];
  return value;
}

std::string WireReader::text(size_t size, size_t max_size) {
  if (size > max_size) failed_ = true;
  return std::string(as_text(bytes(size)));
}

void WireReader::expect(ByteView wanted) {
  const ByteView found = bytes(wanted.size());
  if (!std::equal(found.begin(), found.end(), wanted.begin(), wanted.end())) failed_ = true;
}

void WireReader::expect_u32(uint32_t wanted) {
  if (u32() != wanted) failed_ = true;
}

void WireReader::expect_checksum() {
  const size_t covered = position();
  const Digest stored = digest();
  if (failed_ || sha256(all_.first(covered)) != stored) failed_ = true;
}

void WireReader::fill(MutableBytes out) {
  const ByteView found = bytes(out.size());
  if (!found.empty()) std::memcpy(out.data(), found.data(), found.size());
}

Digest WireReader::digest() {
  Digest value;
  fill(value.bytes);
  return value;
}

Identifier WireReader::identifier() {
  Identifier value;
  fill(value.bytes);
  return value;
}

}  // namespace thaw
