#include "lib/manifest/name_record.h"

#include "lib/manifest/builder_signature.h"
#include "lib/manifest/image_name.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kNameMagic = "THAWNAME";
constexpr uint32_t kNameFormat = 1;
constexpr std::string_view kRecordLabel("thaw name record v1\0", 20);

struct SignedRecord {
  NameRecord record;
  Signed signature;
};

void write_fields(const NameRecord& record, WireWriter& out) {
  out.bytes(record.store_id.view());
  out.text16(record.tenant);
  out.text16(record.name);
  out.text16(record.tag);
  out.bytes(record.manifest.view());
  out.u64(record.sequence);
  out.u64(record.time);
  out.u8(static_cast<uint8_t>(record.state));
}

Bytes statement_of(const NameRecord& record) {
  WireWriter out;
  out.bytes(as_bytes(kRecordLabel));
  write_fields(record, out);
  return out.take();
}

bool fields_fit(const NameRecord& record) {
  const bool removed = record.state == NameState::kRemoved;
  return check_tenant(record.tenant).ok() && check_name(record.name).ok() && check_tag(record.tag).ok() &&
         record.sequence > 0 && removed == (record.manifest == Digest{});
}

Result<SignedRecord> parse(ByteView bytes) {
  const Error broken{Code::kDamaged, "the name record is damaged; build the image again"};
  if (bytes.size() > kMaxNameRecordBytes) return broken;
  WireReader in(bytes);
  SignedRecord parsed;
  NameRecord& record = parsed.record;
  in.expect(as_bytes(kNameMagic));
  in.expect_u32(kNameFormat);
  record.store_id = in.identifier();
  record.tenant = in.text16(kMaxTenantBytes);
  record.name = in.text16(kMaxNameBytes);
  record.tag = in.text16(kMaxTagBytes);
  record.manifest = in.digest();
  record.sequence = in.u64();
  record.time = in.u64();
  const uint8_t state = in.u8();
  if (state > static_cast<uint8_t>(NameState::kRemoved)) in.fail();
  record.state = static_cast<NameState>(state);
  in.fill(parsed.signature.signer);
  in.fill(parsed.signature.signature);
  in.expect_checksum();
  if (!in.finished() || !fields_fit(record)) return broken;
  return parsed;
}

}  // namespace

Result<Bytes> sign_name_record(const NameRecord& record, BuilderKeys& keys) {
  if (!fields_fit(record))
    return Error{Code::kUsage, "this is no name record: " + record.name + ":" + record.tag};
  THAW_ASSIGN(const Signed signature, keys.sign_message(statement_of(record)));
  WireWriter out;
  out.bytes(as_bytes(kNameMagic));
  out.u32(kNameFormat);
  write_fields(record, out);
  out.bytes(signature.signer);
  out.bytes(signature.signature);
  out.checksum();
  return out.take();
}

Result<NameRecord> parse_name_record(ByteView bytes, const NamePlace& place, const TrustedBuilders& trusted) {
  THAW_ASSIGN(const SignedRecord parsed, parse(bytes));
  const NameRecord& record = parsed.record;
  const std::string named = place.name + ":" + place.tag;
  THAW_TRY(check_signature(parsed.signature, statement_of(record), trusted, "name " + named));
  if (record.store_id != place.store_id) {
    return Error{Code::kRefused, "name " + named + " was signed for store " + record.store_id.hex() +
                                     ", but this is store " + place.store_id.hex() +
                                     "; somebody copied it, or restored the wrong store.json"};
  }
  if (record.tenant != place.tenant || record.name != place.name || record.tag != place.tag) {
    return Error{Code::kRefused, "the record found as " + named + " of tenant " + place.tenant +
                                     " was signed for " + record.name + ":" + record.tag + " of tenant " +
                                     record.tenant + "; somebody moved it"};
  }
  return record;
}

Result<NameRecord> parse_unverified_name_record(ByteView bytes) {
  THAW_ASSIGN(const SignedRecord parsed, parse(bytes));
  return parsed.record;
}

}  // namespace thaw
