// Fuzz input with the SHA-256 behind it that a parser expects, so that the fuzzer reaches the fields.
#pragma once

#include "lib/crypto/hash.h"

namespace thaw {

inline Bytes with_checksum(ByteView input) {
  Bytes bytes(input.begin(), input.end());
  const Digest sum = sha256(input);
  bytes.insert(bytes.end(), sum.bytes.begin(), sum.bytes.end());
  return bytes;
}

}  // namespace thaw
