#include "lib/crypto/aead.h"

#include <catch2/catch.hpp>

#include "lib/crypto/random.h"

namespace thaw::aead_test {

TEST_CASE("gcm opens what it sealed and nothing else", "[crypto]") {
  Secret key;
  fill_random(key.mutable_view());
  const Bytes nonce(kGcmNonceBytes, 0);
  Bytes sealed = gcm_seal(key, nonce, as_bytes("context"), as_bytes("chunk keys"));
  Bytes plain(sealed.size() - kGcmTagBytes);
  REQUIRE(gcm_open(key, nonce, as_bytes("context"), sealed, plain).ok());
  CHECK(as_text(plain) == "chunk keys");

  CHECK_FALSE(gcm_open(key, nonce, as_bytes("contexT"), sealed, plain).ok());
  for (size_t i = 0; i < sealed.size(); ++i) {
    sealed[i] ^= 1;
    CHECK(gcm_open(key, nonce, as_bytes("context"), sealed, plain).error().code == Code::kDamaged);
    sealed[i] ^= 1;
  }
  CHECK_FALSE(gcm_open(key, nonce, as_bytes("context"), ByteView(sealed).first(3), plain).ok());
}

}  // namespace thaw::aead_test
