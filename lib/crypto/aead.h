// AES-256-GCM (NIST SP 800-38D) with a 12-byte nonce and a 16-byte tag.
#pragma once

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/crypto/secret.h"

namespace thaw {

inline constexpr size_t kGcmNonceBytes = 12;
inline constexpr size_t kGcmTagBytes = 16;

// Returns ciphertext ‖ tag. A (key, nonce) pair must never seal two messages.
Bytes gcm_seal(const Secret& key, ByteView nonce, ByteView associated, ByteView plaintext);

// Fills `plaintext` (sealed.size() - kGcmTagBytes bytes). kDamaged when the tag does not fit; `plaintext` is
// wiped then.
Status gcm_open(const Secret& key, ByteView nonce, ByteView associated, ByteView sealed,
                MutableBytes plaintext);

}  // namespace thaw
