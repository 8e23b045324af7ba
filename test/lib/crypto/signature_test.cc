#include "lib/crypto/signature.h"

#include <catch2/catch.hpp>

namespace thaw::signature_test {

TEST_CASE("a signature belongs to one message and one key", "[crypto]") {
  const SigningKey key = SigningKey::generate();
  Signature signature = sign(key, as_bytes("manifest"));
  CHECK(verify_signature(key.public_key, as_bytes("manifest"), signature));
  CHECK_FALSE(verify_signature(key.public_key, as_bytes("manifesT"), signature));
  CHECK_FALSE(verify_signature(SigningKey::generate().public_key, as_bytes("manifest"), signature));
  signature[5] ^= 1;
  CHECK_FALSE(verify_signature(key.public_key, as_bytes("manifest"), signature));
  CHECK(SigningKey::from_seed(key.seed).public_key == key.public_key);
}

}  // namespace thaw::signature_test
