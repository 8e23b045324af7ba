#include "lib/manifest/name_record.h"

#include <algorithm>

#include "lib/base/codec.h"

namespace thaw {
namespace {

constexpr std::string_view kMagic = "THAWNAM1";

}  // namespace

Bytes encode_name_record(const NameRecord& record, const SigningKey& key) {
  Encoder out;
  out.raw(as_bytes(kMagic));
  out.raw(record.store_id);
  out.text(record.tenant);
  out.text(record.name);
  out.text(record.tag);
  out.u8(static_cast<uint8_t>(record.kind));
  out.raw(record.manifest.view());
  out.u64(record.sequence);
  out.u64(static_cast<uint64_t>(record.time));
  out.raw(key.public_key);
  const Signature signature = sign(key, out.bytes());
  out.raw(signature);
  return out.take();
}

Result<NameRecord> open_name_record(ByteView bytes, const StoreId& store, const std::string& tenant,
                                    const ImageName& name, const std::vector<PublicKey>& trusted) {
  Decoder in(bytes);
  NameRecord record;
  PublicKey builder{};
  Signature signature{};
  in.expect(as_bytes(kMagic));
  in.fill(record.store_id);
  record.tenant = in.text();
  record.name = in.text();
  record.tag = in.text();
  const uint8_t kind = in.u8();
  in.fill(record.manifest.bytes);
  record.sequence = in.u64();
  record.time = static_cast<int64_t>(in.u64());
  in.fill(builder);
  in.fill(signature);
  if (!in.finished() || kind < 1 || kind > 2) {
    return Error{Code::kDamaged, "the name record of " + name.text() + " is damaged; build the image again"};
  }
  record.kind = static_cast<NameRecord::Kind>(kind);
  if (std::ranges::count(trusted, builder) == 0) {
    return Error{Code::kRefused,
                 "the name " + name.text() + " was signed by builder " + to_hex(builder) +
                     ", who is not trusted; add the key to \"trust.builders\" if it should be"};
  }
  if (!verify_signature(builder, bytes.first(bytes.size() - signature.size()), signature)) {
    return Error{Code::kRefused,
                 "the signature of the name " + name.text() + " does not fit; build the image again"};
  }
  if (record.store_id != store || record.tenant != tenant || record.name != name.name ||
      record.tag != name.tag) {
    return Error{Code::kRefused, "the record found under the name " + name.text() + " is signed for " +
                                     record.tenant + "'s " + record.name + ":" + record.tag};
  }
  return record;
}

}  // namespace thaw
