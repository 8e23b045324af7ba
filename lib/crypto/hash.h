// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and CRC-32C (Castagnoli), by OpenSSL and ISA-L.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"

namespace thaw {

// One running hash; belongs to one thread. finish() ends it and starts a new one.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void update(ByteView bytes);
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(ByteView bytes);
Digest hmac_sha256(ByteView key, ByteView message);

// RFC 1321. Broken as a hash: only where a protocol asks for it as a checksum.
std::array<uint8_t, 16> md5(ByteView bytes);

// Guards against flipped bits in memory; no defence against an attacker.
uint32_t crc32c(ByteView bytes);

}  // namespace thaw
