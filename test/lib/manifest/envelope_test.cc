#include "lib/manifest/envelope.h"

#include "test/lib/manifest/mutations.h"
#include "test/lib/manifest/sample.h"

namespace thaw::envelope_test {
namespace {

struct Written {
  TemporaryFolder folder;
  KeyringDirectory keys{folder / "keys", KeyringUse::kBuild};
  Manifest clear = sample_manifest(2);
  Bytes manifest;
  Digest digest;
  Bytes envelope;

  Written() {
    auto data = keys.generate_data_key("acme", data_key_context(clear.store_id, clear.tenant, clear.id));
    REQUIRE(data.ok());
    auto sealed = seal_manifest(clear, sample_details(), sample_keys(2), data->plain);
    REQUIRE(sealed.ok());
    manifest = std::move(sealed).value();
    digest = sha256(manifest);
    auto made = make_envelope(clear, digest, data->wrapped, "0.1.0", keys);
    REQUIRE(made.ok());
    envelope = write_envelope(made.value());
  }

  Result<OpenManifest> open(ByteView envelope_bytes) {
    return open_signed_manifest(manifest, digest, envelope_bytes, keys.trusted().value(), keys);
  }
};

}  // namespace

TEST_CASE("a signed manifest opens for who trusts its builder", "[manifest]") {
  Written written;
  const auto open = written.open(written.envelope);
  REQUIRE(open.ok());
  CHECK(open->clear.id == written.clear.id);
  CHECK(open->details.config == sample_details().config);
  const auto untrusted =
      open_signed_manifest(written.manifest, written.digest, written.envelope, {}, written.keys);
  CHECK(untrusted.error().code == Code::kRefused);
}

TEST_CASE("every cut or altered byte of an envelope is damage", "[manifest]") {
  Written written;
  refuse_all_damage(written.envelope, [&](ByteView damaged) {
    const auto open = written.open(damaged);
    REQUIRE_FALSE(open.ok());
    CHECK(open.error().code == Code::kDamaged);
    return open.error().code;
  });
  mutate(written.envelope, 5000, [](ByteView damaged) { CHECK_FALSE(parse_envelope(damaged).ok()); });
}

TEST_CASE("an envelope made anew by somebody without the signing key is refused", "[manifest]") {
  Written written;
  const Envelope good = parse_envelope(written.envelope).value();
  Envelope forged = good;
  forged.builder_version = "9.9.9";
  CHECK(written.open(write_envelope(forged)).error().code == Code::kRefused);
  for (size_t i = 0; i < good.signature.signature.size(); ++i) {
    forged = good;
    forged.signature.signature.at(i) ^= 1;
    CHECK(written.open(write_envelope(forged)).error().code == Code::kRefused);
  }
  forged = good;
  forged.data_key.key_id = "acme/2";
  CHECK(written.open(write_envelope(forged)).error().code == Code::kRefused);
  forged = good;
  forged.data_key.wrapped.at(20) ^= 1;
  CHECK(written.open(write_envelope(forged)).error().code == Code::kDamaged);
}

TEST_CASE("an envelope belongs to one manifest, tenant and store", "[manifest]") {
  Written written;
  const Envelope good = parse_envelope(written.envelope).value();
  const TrustedBuilders trusted = written.keys.trusted().value();
  CHECK(check_envelope(good, written.clear, written.digest, trusted).ok());
  Manifest other = written.clear;
  other.tenant = "other";
  CHECK(check_envelope(good, other, written.digest, trusted).error().code == Code::kRefused);
  other = written.clear;
  other.store_id = Identifier::random();
  CHECK(check_envelope(good, other, written.digest, trusted).error().code == Code::kRefused);
  CHECK(check_envelope(good, written.clear, sha256(as_bytes("x")), trusted).error().code == Code::kRefused);
}

}  // namespace thaw::envelope_test
