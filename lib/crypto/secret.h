// Secret: 32 key bytes that are wiped when dropped. KeyTable: many of them in memory that is locked, left out
// of core files, and wiped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/buffer.h"
#include "lib/base/result.h"

namespace thaw {

inline constexpr size_t kKeyBytes = 32;

class Secret {
 public:
  Secret() = default;
  explicit Secret(const std::array<uint8_t, kKeyBytes>& bytes) : bytes_(bytes) {}
  // REQUIRES: bytes.size() == kKeyBytes
  static Secret from(ByteView bytes);
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret();

  ByteView view() const { return bytes_; }
  MutableBytes mutable_view() { return bytes_; }

 private:
  std::array<uint8_t, kKeyBytes> bytes_{};
};

// Pages of their own for key bytes. Owned by one holder; immutable after it was filled, then any thread may
// read.
class KeyTable {
 public:
  KeyTable() = default;
  static Result<KeyTable> create(size_t keys);
  KeyTable(KeyTable&& other) noexcept;
  KeyTable& operator=(KeyTable&& other) noexcept;
  ~KeyTable();

  size_t size() const { return keys_; }
  // REQUIRES: index < size()
  ByteView key(size_t index) const { return {memory_ + index * kKeyBytes, kKeyBytes}; }
  MutableBytes bytes() { return {memory_, keys_ * kKeyBytes}; }
  ByteView bytes() const { return {memory_, keys_ * kKeyBytes}; }

 private:
  uint8_t* memory_ = nullptr;
  size_t mapped_ = 0;
  size_t keys_ = 0;
};

// Overwrites `bytes` in a way that the compiler does not remove.
void wipe(MutableBytes bytes);

}  // namespace thaw
