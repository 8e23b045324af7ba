#include "lib/manifest/envelope.h"

#include <utility>

#include "lib/manifest/builder_signature.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kEnvelopeMagic = "THAWENVL";
constexpr uint32_t kEnvelopeFormat = 1;
// With their terminating zero: a label never is the beginning of another message.
constexpr std::string_view kStatementLabel("thaw manifest signature v1\0", 27);
constexpr std::string_view kDataKeyLabel("thaw data key v1\0", 17);

Bytes statement_of(const Manifest& manifest, const Digest& digest, std::string_view builder_version) {
  WireWriter out;
  out.bytes(as_bytes(kStatementLabel));
  out.bytes(manifest.store_id.view());
  out.text16(manifest.tenant);
  out.bytes(digest.view());
  out.text16(builder_version);
  return out.take();
}

}  // namespace

Bytes data_key_context(const Identifier& store_id, std::string_view tenant, const Identifier& manifest_id) {
  WireWriter out;
  out.bytes(as_bytes(kDataKeyLabel));
  out.bytes(store_id.view());
  out.text16(tenant);
  out.bytes(manifest_id.view());
  return out.take();
}

Result<Envelope> make_envelope(const Manifest& manifest, const Digest& digest, WrappedKey data_key,
                               std::string builder_version, BuilderKeys& keys) {
  if (data_key.key_id.size() > kMaxKeyIdBytes || data_key.wrapped.size() > kMaxWrappedBytes ||
      builder_version.size() > kMaxBuilderVersionBytes) {
    return Error{Code::kFailed, "the key service's answer does not fit into an envelope"};
  }
  Envelope envelope{std::move(data_key), std::move(builder_version), {}};
  THAW_ASSIGN(envelope.signature,
              keys.sign_message(statement_of(manifest, digest, envelope.builder_version)));
  return envelope;
}

Bytes write_envelope(const Envelope& envelope) {
  WireWriter out;
  out.bytes(as_bytes(kEnvelopeMagic));
  out.u32(kEnvelopeFormat);
  out.text16(envelope.data_key.key_id);
  out.text16(as_text(envelope.data_key.wrapped));
  out.text16(envelope.builder_version);
  out.bytes(envelope.signature.signer);
  out.bytes(envelope.signature.signature);
  out.checksum();
  return out.take();
}

Result<Envelope> parse_envelope(ByteView bytes) {
  const Error broken{Code::kDamaged, "the manifest's envelope is damaged; build the image again"};
  if (bytes.size() > kMaxEnvelopeBytes) return broken;
  WireReader in(bytes);
  Envelope envelope;
  in.expect(as_bytes(kEnvelopeMagic));
  in.expect_u32(kEnvelopeFormat);
  envelope.data_key.key_id = in.text16(kMaxKeyIdBytes);
  const std::string wrapped = in.text16(kMaxWrappedBytes);
  envelope.data_key.wrapped.assign(wrapped.begin(), wrapped.end());
  envelope.builder_version = in.text16(kMaxBuilderVersionBytes);
  in.fill(envelope.signature.signer);
  in.fill(envelope.signature.signature);
  in.expect_checksum();
  if (!in.finished()) return broken;
  return envelope;
}

Status check_envelope(const Envelope& envelope, const Manifest& manifest, const Digest& digest,
                      const TrustedBuilders& trusted) {
  return check_signature(envelope.signature, statement_of(manifest, digest, envelope.builder_version),
                         trusted, "manifest " + digest.hex());
}

Result<OpenManifest> open_signed_manifest(ByteView manifest, const Digest& digest, ByteView envelope,
                                          const TrustedBuilders& trusted, KeyService& keys) {
  THAW_ASSIGN(const Manifest clear, parse_manifest(manifest, digest));
  THAW_ASSIGN(const Envelope parsed, parse_envelope(envelope));
  THAW_TRY(check_envelope(parsed, clear, digest, trusted));
  THAW_ASSIGN(const Secret data_key,
              keys.unwrap(parsed.data_key, data_key_context(clear.store_id, clear.tenant, clear.id)));
  return open_manifest(manifest, digest, data_key);
}

}  // namespace thaw
