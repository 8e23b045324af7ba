#include "lib/base/base64.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Without the padding; nothing when that is wrong.
std::optional<std::string_view> digits_of(std::string_view text) {
  const size_t digits = std::min(text.find('='), text.size());
  const std::string_view padding = text.substr(digits);
  if (!padding.empty() && (text.size() % 4 != 0 || (padding != "=" && padding != "=="))) return std::nullopt;
  return text.substr(0, digits);
}

size_t bytes_of(std::string_view digits) { return digits.size() * 6 / 8; }

}  // namespace

std::string to_base64(ByteView bytes) {
  std::string text;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const uint8_t byte : bytes) {
    bits = bits << 8 | byte;
    for (count += 8; count >= 6; count -= 6) text += kBase64Digits[bits >> (count - 6) & 0x3f];
  }
  if (count > 0) text += kBase64Digits[bits << (6 - count) & 0x3f];
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

bool decode_base64(std::string_view text, MutableBytes bytes) {
  const auto digits = digits_of(text);
  if (!digits || bytes_of(*digits) != bytes.size()) return false;
  auto next = bytes.begin();
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : *digits) {
    const size_t digit = kBase64Digits.find(c);
    if (digit == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    *next++ = static_cast<uint8_t>(bits >> count & 0xff);
  }
  // What is left over of a last digit is zero, and less than a digit.
  return count < 6 && (bits & ((1U << count) - 1)) == 0;
}

std::optional<std::string> from_base64(std::string_view text) {
  const auto digits = digits_of(text);
  if (!digits) return std::nullopt;
  std::string bytes(bytes_of(*digits), '\0');
  if (!decode_base64(text, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()})) return std::nullopt;
  return bytes;
}

}  // namespace thaw
