// Envelope: what stands beside a manifest and can be replaced without touching it: the wrapped data key, and
// the signature of the builder who vouches for the bytes (docs/formats/envelope.md).
#pragma once

#include <string>
#include <vector>

#include "lib/keys/key_service.h"
#include "lib/manifest/manifest.h"

namespace thaw {

inline constexpr uint64_t kMaxEnvelopeBytes = 16 * 1024;

struct Envelope {
  WrappedKey data_key;
  PublicKey builder{};
  std::string builder_version;
  Signature signature{};
};

// The context that a manifest's data key is wrapped with.
Bytes data_key_context(const StoreId& store, const std::string& tenant, const ManifestId& manifest);

Envelope sign_envelope(const SigningKey& key, const ManifestHeader& header, const Digest& manifest,
                       WrappedKey data_key);
Bytes encode_envelope(const Envelope& envelope);
Result<Envelope> decode_envelope(ByteView bytes);

// kRefused unless one of the `trusted` builders signed this manifest for this store and tenant.
Status check_envelope(const Envelope& envelope, const ManifestHeader& header, const Digest& manifest,
                      const std::vector<PublicKey>& trusted);

}  // namespace thaw
