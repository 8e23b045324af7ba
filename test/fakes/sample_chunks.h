// Sealed chunks for tests, each the same for the same number.
#pragma once

#include <cstdint>
#include <random>

#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/hash.h"

namespace thaw {

inline Bytes sample_bytes(uint32_t number, uint32_t length) {
  std::minstd_rand random(number + 1);
  Bytes bytes(length);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

inline ChunkRef sample_ref(uint32_t number, uint32_t length = 8192) {
  return {sha256(sample_bytes(number, length)), length};
}

inline SealedChunk sample_chunk(uint32_t number, uint32_t length = 8192) {
  const Bytes bytes = sample_bytes(number, length);
  return SealedChunk::verify({sha256(bytes), length}, Buffer::copy_of(bytes)).value();
}

}  // namespace thaw
