// Sha256Pair: SHA-256 (FIPS 180-4) of two messages at once, and CRC-32C of their parts. The processor's SHA
// instructions wait for each other within one message and not between two, and use none of the units that
// sum: both messages take little longer than one, and the sums no time (docs/benchmarks.md). Processors
// without these instructions do one after the other.
//
// Belongs to one thread; used once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/crypto/hash.h"

namespace thaw {

class Sha256Pair {
 public:
  static constexpr size_t kBlock = 64;
  using Messages = std::array<ByteView, 2>;

  Sha256Pair();

  // The next part of both, each of another length if need be; returns crc32c() of each part. REQUIRES: whole
  // blocks
  std::array<uint32_t, 2> update(const Messages& parts);
  // With the last parts, of any length.
  std::array<Digest, 2> finish(const Messages& parts);

 private:
  // Eight words, in the order in which the instructions keep them.
  using State = std::array<uint32_t, 8>;

  void finish_lane(size_t lane, ByteView tail);

  std::array<State, 2> states_;
  std::array<uint64_t, 2> lengths_{};
  std::optional<std::array<Sha256, 2>> plain_;  // does it where the processor has no such instructions
};

}  // namespace thaw
