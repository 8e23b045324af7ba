// The 512-byte header block of tar: v7, ustar (POSIX.1-1988), GNU and star.
// Field offsets from POSIX.1-2017 `pax`, "ustar Interchange Format", and GNU tar's manual, "Standard Format".
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "lib/oci/tar_entry.h"

namespace thaw {

inline constexpr size_t kTarBlock = 512;
using TarBlock = std::array<uint8_t, kTarBlock>;

bool is_zero(const TarBlock& block);

// A number in octal, or in base 256 (two's complement) when the field's first bit is set.
Result<int64_t> parse_tar_number(ByteView field);

// A text field up to its first NUL.
std::string_view tar_text(ByteView field);

struct TarHeader {
  char type = 0;      // the type flag as it stands in the block
  bool gnu = false;   // the GNU dialect
  uint64_t size = 0;  // stored bytes behind the header
  TarEntry entry;     // all else, as far as one block can say it
  int64_t uid = 0;    // unchecked: extended headers may replace them
  int64_t gid = 0;
};

// kDamaged for a block that is no tar header (its checksum is wrong) or has impossible numbers.
Result<TarHeader> parse_tar_header(const TarBlock& block);

}  // namespace thaw
