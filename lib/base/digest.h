// Digest: the 32 bytes of a SHA-256. Computed by lib/crypto; here so that every room can name one.
#pragma once

#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/hex.h"

namespace thaw {

struct Digest {
  std::array<uint8_t, 32> bytes{};

  auto operator<=>(const Digest&) const = default;
  ByteView view() const { return bytes; }
  std::string hex() const { return to_hex(bytes); }
  // Exactly 64 lower-case digits, else nothing.
  static std::optional<Digest> from_hex(std::string_view text) {
    Digest digest;
    if (!thaw::from_hex(text, digest.bytes)) return std::nullopt;
    return digest;
  }
};

// The bytes are uniformly distributed already.
struct DigestHash {
  size_t operator()(const Digest& digest) const {
    size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
  }
};

}  // namespace thaw
