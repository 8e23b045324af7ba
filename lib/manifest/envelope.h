// Envelope: beside a manifest, its wrapped data key and its builder's signature (docs/formats/envelope.md).
// Rotation replaces it and touches nothing else.
//
// All functions are pure, except for the key service's calls (which may block). Errors: kDamaged for bytes
// that were cut or altered by accident (a checksum), kRefused for a signature that is not trusted.
#pragma once

#include <string>

#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/keys/key_service.h"
#include "lib/manifest/manifest.h"

namespace thaw {

inline constexpr uint64_t kMaxEnvelopeBytes = 16 * 1024;
inline constexpr size_t kMaxBuilderVersionBytes = 64;

struct Envelope {
  WrappedKey data_key;
  std::string builder_version;  // of Thaw, signed: which builder wrote the image
  Signed signature;             // over statement_of()
};

// What a manifest's data key is wrapped with as context.
Bytes data_key_context(const Identifier& store_id, std::string_view tenant, const Identifier& manifest_id);

// Signs for a manifest whose digest is `digest`.
Result<Envelope> make_envelope(const Manifest& manifest, const Digest& digest, WrappedKey data_key,
                               std::string builder_version, BuilderKeys& keys);

Bytes write_envelope(const Envelope& envelope);
Result<Envelope> parse_envelope(ByteView bytes);

// Whether a trusted builder signed this manifest.
Status check_envelope(const Envelope& envelope, const Manifest& manifest, const Digest& digest,
                      const TrustedBuilders& trusted);

// The whole way from stored bytes to an open manifest: digest, signature, data key, tag, in that order, so
// that nothing is parsed further than whoever wrote it is trusted.
Result<OpenManifest> open_signed_manifest(ByteView manifest, const Digest& digest, ByteView envelope,
                                          const TrustedBuilders& trusted, KeyService& keys);

}  // namespace thaw
