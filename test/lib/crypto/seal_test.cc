#include "lib/crypto/seal.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"

namespace thaw::seal_test {
namespace {

Secret salt_of(uint8_t fill) {
  Secret salt;
  std::memset(salt.mutable_view().data(), fill, kKeyBytes);
  return salt;
}

Bytes random_chunk(size_t size) {
  Bytes chunk(size);
  fill_random(chunk);
  chunk.back() |= 1;
  return chunk;
}

}  // namespace

TEST_CASE("a sealed chunk opens at any offset", "[crypto]") {
  const Bytes chunk = random_chunk(64 * 1024);
  const Sealed sealed = seal(salt_of(1), chunk);
  REQUIRE(sealed.id == sha256(sealed.ciphertext.view()));
  for (const size_t offset : {0U, 1U, 15U, 16U, 4095U, 4096U, 40001U}) {
    const size_t length = chunk.size() - offset;
    Bytes out(length);
    open_range(sealed.key.view(), offset, sealed.ciphertext.view().subspan(offset), out);
    CHECK(std::equal(out.begin(), out.end(), chunk.begin() + static_cast<long>(offset)));
  }
}

TEST_CASE("equal chunks are equal sealed chunks under one salt only", "[crypto]") {
  const Bytes chunk = random_chunk(8192);
  CHECK(seal(salt_of(1), chunk).id == seal(salt_of(1), chunk).id);
  CHECK(seal(salt_of(1), chunk).id != seal(salt_of(2), chunk).id);
}

TEST_CASE("trailing zeros are trimmed to the seal unit", "[crypto]") {
  Bytes chunk(512 * 1024);
  CHECK(sealed_length(chunk) == 0);
  chunk[0] = 1;
  CHECK(sealed_length(chunk) == 4096);
  chunk[4096] = 1;
  CHECK(sealed_length(chunk) == 8192);
  Bytes shorter(chunk.begin(), chunk.begin() + 8192);
  CHECK(seal(salt_of(1), chunk).id == seal(salt_of(1), shorter).id);
}

TEST_CASE("the key follows the format page", "[crypto]") {
  Bytes chunk(4096, 7);
  const Sealed sealed = seal(salt_of(3), chunk);
  Bytes message(as_bytes("thaw chunk v1").begin(), as_bytes("thaw chunk v1").end());
  message.push_back(0);
  const Digest content = sha256(chunk);
  message.insert(message.end(), content.bytes.begin(), content.bytes.end());
  const Digest expected = hmac_sha256(salt_of(3).view(), message);
  CHECK(std::equal(expected.bytes.begin(), expected.bytes.end(), sealed.key.view().begin()));
}

}  // namespace thaw::seal_test
