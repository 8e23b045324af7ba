#include "lib/crypto/sha256_pair.h"

#include <catch2/catch.hpp>

namespace thaw::sha256_pair_test {

Bytes message(size_t length, uint32_t seed) {
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>((seed = seed * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST_CASE("two messages at once have the hashes that each has alone", "[crypto]") {
  const size_t first = GENERATE(0U, 1U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 4096U, 524288U);
  const size_t second = GENERATE(0U, 55U, 56U, 64U, 127U, 128U, 4100U, 524288U);
  const Bytes a = message(first, 1);
  const Bytes b = message(second, 2);
  const auto both = Sha256Pair().finish({ByteView(a), ByteView(b)});
  CHECK(both[0] == sha256(a));
  CHECK(both[1] == sha256(b));
}

TEST_CASE("two messages at once come in parts", "[crypto]") {
  const Bytes a = message(20'000, 1);
  const Bytes b = message(12'345, 2);
  Sha256Pair pair;
  const auto crcs = pair.update({ByteView(a).first(64), ByteView(b).first(8192)});
  CHECK(crcs[0] == crc32c(ByteView(a).first(64)));
  CHECK(crcs[1] == crc32c(ByteView(b).first(8192)));
  pair.update({ByteView(a).subspan(64, 0), ByteView(b).subspan(8192, 64)});
  pair.update({ByteView(a).subspan(64, 8192), ByteView(b).subspan(8256, 0)});
  const auto both = pair.finish({ByteView(a).subspan(8256), ByteView(b).subspan(8256)});
  CHECK(both[0] == sha256(a));
  CHECK(both[1] == sha256(b));
}

}  // namespace thaw::sha256_pair_test
