#include "lib/crypto/hash.h"

#include <catch2/catch.hpp>

namespace thaw::hash_test {

TEST_CASE("sha256 gives the FIPS 180-4 example", "[crypto]") {
  CHECK(sha256(as_bytes("abc")).hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 running;
  running.update(as_bytes("a"));
  running.update(as_bytes("bc"));
  CHECK(running.finish() == sha256(as_bytes("abc")));
  CHECK(running.finish() == sha256({}));
}

TEST_CASE("hmac_sha256 gives RFC 4231 test case 2", "[crypto]") {
  CHECK(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")).hex() ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("crc32c gives the RFC 3720 check value", "[crypto]") {
  CHECK(crc32c(as_bytes("123456789")) == 0xe3069283);
}

}  // namespace thaw::hash_test
