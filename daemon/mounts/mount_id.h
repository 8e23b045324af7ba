// The id of a mount: 12 random hexadecimal digits. Who asks for a mount may make it, so that asking again,
// after an answer was lost with its worker, is safe.
#pragma once

#include <sys/random.h>

#include <array>
#include <string>
#include <string_view>

#include "lib/base/hex.h"

namespace thaw {

inline constexpr size_t kMountIdBytes = 6;

inline std::string new_mount_id() {
  std::array<uint8_t, kMountIdBytes> bytes{};
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) continue;
  return to_hex(bytes);
}

inline bool is_mount_id(std::string_view text) {
  return text.size() == 2 * kMountIdBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace thaw
