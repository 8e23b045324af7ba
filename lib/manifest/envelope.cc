#include "lib/manifest/envelope.h"

#include <algorithm>

#include "lib/base/codec.h"

namespace thaw {
namespace {

constexpr std::string_view kMagic = "THAWENV1";
constexpr std::string_view kSignedLabel = "thaw manifest v1";
constexpr std::string_view kContextLabel = "thaw data key v1";
constexpr const char* kBuilderVersion = "thaw/0.1";

Bytes signed_message(const ManifestHeader& header, const Digest& manifest,
                     const std::string& builder_version) {
  Encoder out;
  out.text(kSignedLabel);
  out.raw(header.store_id);
  out.text(header.tenant);
  out.raw(manifest.view());
  out.text(builder_version);
  return out.take();
}

}  // namespace

Bytes data_key_context(const StoreId& store, const std::string& tenant, const ManifestId& manifest) {
  Encoder out;
  out.text(kContextLabel);
  out.raw(store);
  out.text(tenant);
  out.raw(manifest);
  return out.take();
}

Envelope sign_envelope(const SigningKey& key, const ManifestHeader& header, const Digest& manifest,
                       WrappedKey data_key) {
  Envelope envelope{std::move(data_key), key.public_key, kBuilderVersion, {}};
  envelope.signature = sign(key, signed_message(header, manifest, envelope.builder_version));
  return envelope;
}

Bytes encode_envelope(const Envelope& envelope) {
  Encoder out;
  out.raw(as_bytes(kMagic));
  out.text(envelope.data_key.key_id);
  out.sized(envelope.data_key.wrapped);
  out.raw(envelope.builder);
  out.text(envelope.builder_version);
  out.raw(envelope.signature);
  return out.take();
}

Result<Envelope> decode_envelope(ByteView bytes) {
  Decoder in(bytes);
  Envelope envelope;
  in.expect(as_bytes(kMagic));
  envelope.data_key.key_id = in.text();
  const ByteView wrapped = in.sized();
  envelope.data_key.wrapped = Bytes(wrapped.begin(), wrapped.end());
  in.fill(envelope.builder);
  envelope.builder_version = in.text();
  in.fill(envelope.signature);
  if (!in.finished()) return Error{Code::kDamaged, "the envelope is damaged"};
  return envelope;
}

Status check_envelope(const Envelope& envelope, const ManifestHeader& header, const Digest& manifest,
                      const std::vector<PublicKey>& trusted) {
  if (std::ranges::count(trusted, envelope.builder) == 0) {
    return Error{Code::kRefused,
                 "the image was signed by builder " + to_hex(envelope.builder) +
                     ", who is not trusted; add the key to \"trust.builders\" if it should be"};
  }
  if (!verify_signature(envelope.builder, signed_message(header, manifest, envelope.builder_version),
                        envelope.signature)) {
    return Error{Code::kRefused, "the builder's signature does not fit the manifest; build the image again"};
  }
  return {};
}

}  // namespace thaw
