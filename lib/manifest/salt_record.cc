#include "lib/manifest/salt_record.h"

#include "lib/crypto/random.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kSaltMagic = "THAWSALT";
constexpr uint32_t kSaltFormat = 1;
constexpr std::string_view kSaltLabel("thaw salt v1\0", 13);

Bytes context_of(const Identifier& store_id, const Identifier& salt_id) {
  WireWriter out;
  out.bytes(as_bytes(kSaltLabel));
  out.bytes(store_id.view());
  out.bytes(salt_id.view());
  return out.take();
}

}  // namespace

Salt make_salt() {
  Salt salt{Identifier::random(), {}};
  fill_random(salt.secret.mutable_view());
  return salt;
}

Result<Bytes> wrap_salt_record(const Salt& salt, const Identifier& store_id, BuilderKeys& keys) {
  THAW_ASSIGN(const WrappedKey wrapped, keys.wrap_salt(salt.secret, context_of(store_id, salt.id)));
  if (wrapped.key_id.size() > kMaxKeyIdBytes || wrapped.wrapped.size() > kMaxWrappedBytes) {
    return Error{Code::kFailed, "the key service's answer does not fit into a salt record"};
  }
  WireWriter out;
  out.bytes(as_bytes(kSaltMagic));
  out.u32(kSaltFormat);
  out.bytes(salt.id.view());
  out.bytes(store_id.view());
  out.text16(wrapped.key_id);
  out.text16(as_text(wrapped.wrapped));
  out.checksum();
  return out.take();
}

Result<Salt> open_salt_record(ByteView bytes, const Identifier& id, const Identifier& store_id,
                              BuilderKeys& keys) {
  const Error broken{Code::kDamaged,
                     "salt " + id.hex() + " is damaged; restore it, or make a root with a new one"};
  if (bytes.size() > kMaxSaltRecordBytes) return broken;
  WireReader in(bytes);
  WrappedKey wrapped;
  in.expect(as_bytes(kSaltMagic));
  in.expect_u32(kSaltFormat);
  const Identifier found_id = in.identifier();
  const Identifier found_store = in.identifier();
  wrapped.key_id = in.text16(kMaxKeyIdBytes);
  const std::string sealed = in.text16(kMaxWrappedBytes);
  wrapped.wrapped.assign(sealed.begin(), sealed.end());
  in.expect_checksum();
  if (!in.finished() || found_id != id || found_store != store_id) return broken;
  THAW_ASSIGN(const Secret secret, keys.unwrap_salt(wrapped, context_of(store_id, id)));
  return Salt{id, secret};
}

}  // namespace thaw
