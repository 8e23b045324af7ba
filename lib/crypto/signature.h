// Ed25519 signatures (RFC 8032): builders sign, workers hold public keys only.
#pragma once

#include <array>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/crypto/secret.h"

namespace thaw {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

struct SigningKey {
  Secret seed;
  PublicKey public_key{};

  static SigningKey generate();
  // The pair that belongs to `seed`.
  static SigningKey from_seed(const Secret& seed);
};

Signature sign(const SigningKey& key, ByteView message);
bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature);

}  // namespace thaw
