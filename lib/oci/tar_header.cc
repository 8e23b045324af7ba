#include "lib/oci/tar_header.h"

#include <algorithm>

#include "lib/oci/context.h"

namespace thaw {
namespace {

ByteView field(const TarBlock& block, size_t offset, size_t length) {
  return ByteView(block).subspan(offset, length);
}

constexpr size_t kChecksumOffset = 148;
constexpr size_t kChecksumLength = 8;

// Old writers summed signed bytes.
bool checksum_matches(const TarBlock& block, int64_t stored) {
  int64_t as_unsigned = 0;
  int64_t as_signed = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const bool own = i >= kChecksumOffset && i < kChecksumOffset + kChecksumLength;
    const uint8_t byte = own ? ' ' : block[i];
    as_unsigned += byte;
    as_signed += static_cast<int8_t>(byte);
  }
  return stored == as_unsigned || stored == as_signed;
}

Result<int64_t> parse_base256(ByteView text) {
  const bool negative = (text[0] & 0x40) != 0;
  uint64_t value = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto byte = negative ? static_cast<uint8_t>(~text[i]) : text[i];
    if (i == 0) byte &= 0x7f;
    if (value >> 55 != 0) return damaged("a number of the tar header is too large");
    value = value << 8 | byte;
  }
  return negative ? -static_cast<int64_t>(value) - 1 : static_cast<int64_t>(value);
}

Result<uint32_t> parse_device(const TarBlock& block, size_t offset) {
  THAW_ASSIGN(const int64_t number, parse_tar_number(field(block, offset, 8)));
  // Linux packs 12 and 20 bits into a device number.
  if (number < 0 || number >= 1 << 20) return damaged("a device number of the tar header is out of range");
  return static_cast<uint32_t>(number);
}

std::string path_of(const TarBlock& block, bool posix) {
  const std::string_view name = tar_text(field(block, 0, 100));
  if (!posix) return std::string(name);
  const bool star = tar_text(field(block, 508, 4)) == "tar";
  const std::string_view prefix = tar_text(field(block, 345, star ? 131 : 155));
  if (prefix.empty()) return std::string(name);
  return std::string(prefix) + "/" + std::string(name);
}

}  // namespace

bool is_zero(const TarBlock& block) {
  return std::all_of(block.begin(), block.end(), [](uint8_t byte) { return byte == 0; });
}

Result<int64_t> parse_tar_number(ByteView text) {
  if ((text[0] & 0x80) != 0) return parse_base256(text);
  std::string_view digits = tar_text(text);
  while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
  while (!digits.empty() && digits.back() == ' ') digits.remove_suffix(1);
  int64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '7') return damaged("a number of the tar header is not octal");
    value = value * 8 + (c - '0');  // at most 12 digits: no overflow
  }
  return value;
}

std::string_view tar_text(ByteView text) {
  const std::string_view whole = as_text(text);
  return whole.substr(0, whole.find('\0'));
}

Result<TarHeader> parse_tar_header(const TarBlock& block) {
  const auto stored = parse_tar_number(field(block, kChecksumOffset, kChecksumLength));
  if (!stored.ok() || !checksum_matches(block, stored.value())) {
    return damaged("not a tar header (its checksum is wrong)");
  }
  TarHeader header;
  const std::string_view magic = as_text(field(block, 257, 8));
  header.gnu = magic.starts_with("ustar  ");
  const bool posix = !header.gnu && magic.starts_with(std::string_view("ustar\0", 6));
  header.type = static_cast<char>(block[156]);
  header.entry.path = path_of(block, posix);
  header.entry.link = tar_text(field(block, 157, 100));

  THAW_ASSIGN(const int64_t mode, parse_tar_number(field(block, 100, 8)));
  THAW_ASSIGN(header.uid, parse_tar_number(field(block, 108, 8)));
  THAW_ASSIGN(header.gid, parse_tar_number(field(block, 116, 8)));
  THAW_ASSIGN(const int64_t size, parse_tar_number(field(block, 124, 12)));
  THAW_ASSIGN(header.entry.mtime.seconds, parse_tar_number(field(block, 136, 12)));
  if (size < 0) return damaged("a tar entry has a negative size");
  header.size = static_cast<uint64_t>(size);
  header.entry.permissions = static_cast<uint16_t>(mode & 07777);
  // Only devices have numbers; some writers leave other bytes there.
  if (header.type == '3' || header.type == '4') {
    THAW_ASSIGN(header.entry.device_major, parse_device(block, 329));
    THAW_ASSIGN(header.entry.device_minor, parse_device(block, 337));
  }
  return header;
}

}  // namespace thaw
