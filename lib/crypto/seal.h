// Sealing: convergent encryption of chunks (docs/formats/chunk.md). Equal plaintext under one salt is equal
// ciphertext, so that a chunk is stored once for everybody; each key encrypts one plaintext only, which makes
// the fixed IV sound.
//
// All functions are pure and may be called from any thread.
#pragma once

#include <cstdint>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/crypto/secret.h"

namespace thaw {

// Sealed chunks are padded to a multiple of this many bytes.
inline constexpr uint64_t kSealUnit = 4096;

struct Sealed {
  Secret key;
  Digest id;          // SHA-256 of the ciphertext
  Buffer ciphertext;  // size is a multiple of kSealUnit, > 0
};

// The length of `chunk` without its trailing zeros, rounded up to kSealUnit; 0 for a chunk of zeros.
uint64_t sealed_length(ByteView chunk);

// SHA-256 of the first sealed_length(chunk) bytes, which its key is made of.
Digest sealed_content(ByteView chunk);

// Seals the first sealed_length(chunk) bytes. REQUIRES: sealed_length(chunk) > 0; chunk.size() % kSealUnit ==
// 0; content == sealed_content(chunk)
Sealed seal(const Secret& salt, ByteView chunk, const Digest& content);
inline Sealed seal(const Secret& salt, ByteView chunk) { return seal(salt, chunk, sealed_content(chunk)); }

// Decrypts ciphertext[offset, offset + out.size()) into `out`. `ciphertext` is that range alone; `key` is 32
// bytes.
void open_range(ByteView key, uint64_t offset, ByteView ciphertext, MutableBytes out);

}  // namespace thaw
