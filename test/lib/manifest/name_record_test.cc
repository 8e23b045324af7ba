#include "lib/manifest/name_record.h"

#include "test/lib/manifest/mutations.h"
#include "test/lib/manifest/sample.h"

namespace thaw::name_record_test {
namespace {

NameRecord sample_record() {
  return {Identifier::random(),  "acme", "team/web", "7",
          sha256(as_bytes("m")), 4,      1700000000, NameState::kNamed};
}

NamePlace place_of(const NameRecord& record) {
  return {record.store_id, record.tenant, record.name, record.tag};
}

}  // namespace

TEST_CASE("a name record reads back where it was signed for and nowhere else", "[manifest]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  const NameRecord record = sample_record();
  const auto bytes = sign_name_record(record, keys);
  REQUIRE(bytes.ok());
  const TrustedBuilders trusted = keys.trusted().value();
  const auto read = parse_name_record(bytes.value(), place_of(record), trusted);
  REQUIRE(read.ok());
  CHECK(read->manifest == record.manifest);
  CHECK(read->sequence == 4);
  CHECK(read->time == 1700000000);
  CHECK(read->state == NameState::kNamed);

  CHECK(parse_name_record(bytes.value(), place_of(record), {}).error().code == Code::kRefused);
  NamePlace place = place_of(record);
  place.tag = "8";
  CHECK(parse_name_record(bytes.value(), place, trusted).error().code == Code::kRefused);
  place = place_of(record);
  place.name = "web";
  CHECK(parse_name_record(bytes.value(), place, trusted).error().code == Code::kRefused);
  place = place_of(record);
  place.tenant = "other";
  CHECK(parse_name_record(bytes.value(), place, trusted).error().code == Code::kRefused);
  place = place_of(record);
  place.store_id = Identifier::random();
  CHECK(parse_name_record(bytes.value(), place, trusted).error().code == Code::kRefused);
}

TEST_CASE("every cut or altered byte of a name record is damage", "[manifest]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  const NameRecord record = sample_record();
  const Bytes bytes = sign_name_record(record, keys).value();
  const TrustedBuilders trusted = keys.trusted().value();
  refuse_all_damage(bytes, [&](ByteView damaged) {
    const auto read = parse_name_record(damaged, place_of(record), trusted);
    REQUIRE_FALSE(read.ok());
    return read.error().code;
  });
  mutate(bytes, 5000, [](ByteView damaged) { CHECK_FALSE(parse_unverified_name_record(damaged).ok()); });
}

TEST_CASE("an altered record with a fresh checksum is refused by its signature", "[manifest]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  const NameRecord record = sample_record();
  const Bytes good = sign_name_record(record, keys).value();
  const TrustedBuilders trusted = keys.trusted().value();
  size_t refused = 0;
  for (size_t i = 0; i + 32 < good.size(); ++i) {
    Bytes forged(good.begin(), good.end() - 32);
    forged[i] ^= 1;
    const Digest sum = sha256(forged);
    forged.insert(forged.end(), sum.bytes.begin(), sum.bytes.end());
    const auto read = parse_name_record(forged, place_of(record), trusted);
    REQUIRE_FALSE(read.ok());
    CHECK((read.error().code == Code::kRefused || read.error().code == Code::kDamaged));
    if (read.error().code == Code::kRefused) ++refused;
  }
  CHECK(refused > 64);
}

TEST_CASE("a tombstone names no manifest, and a record must name one", "[manifest]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  NameRecord record = sample_record();
  record.state = NameState::kRemoved;
  CHECK_FALSE(sign_name_record(record, keys).ok());
  record.manifest = {};
  const auto bytes = sign_name_record(record, keys);
  REQUIRE(bytes.ok());
  CHECK(parse_unverified_name_record(bytes.value())->state == NameState::kRemoved);
  record.state = NameState::kNamed;
  CHECK_FALSE(sign_name_record(record, keys).ok());
  record = sample_record();
  record.sequence = 0;
  CHECK_FALSE(sign_name_record(record, keys).ok());
}

}  // namespace thaw::name_record_test
