// Sealed chunks for tests, each the same for the same number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "lib/base/mix.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/hash.h"

namespace thaw {

inline Bytes sample_bytes(uint32_t number, uint32_t length) {
  Bytes bytes(length);
  for (uint32_t at = 0; at < length; at += sizeof(uint64_t)) {
    const uint64_t word = mix((uint64_t{number} + 1) << 32 | at);  // by words: a sanitizer checks each access
    std::memcpy(bytes.data() + at, &word, std::min<size_t>(sizeof word, length - at));
  }
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
