// Identifier: 16 random bytes that name a store, a manifest or a salt; written as 32 lower-case digits.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/hex.h"

namespace thaw {

struct Identifier {
  std::array<uint8_t, 16> bytes{};

  auto operator<=>(const Identifier&) const = default;
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }

  static Identifier random();
  // Exactly 32 lower-case digits, else nothing.
  static std::optional<Identifier> from_hex(std::string_view text);
};

}  // namespace thaw
