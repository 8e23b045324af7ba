#include "lib/store/open_image.h"

#include "lib/manifest/envelope.h"
#include "lib/store/names.h"
#include "test/lib/manifest/sample.h"
#include "test/lib/store/store_fixture.h"

namespace thaw::open_image_test {
namespace {

struct ImageFixture : CatalogFixture {
  BuildPlace place = catalog.prepare_build(keys, 1).value();
  SequenceMemory sequences{folder / "sequences"};

  Digest store_manifest(const std::string& tenant) {
    Manifest clear = sample_manifest(2);
    clear.store_id = place.store_id;
    clear.tenant = tenant;
    const auto data = keys.generate_data_key(tenant, data_key_context(clear.store_id, tenant, clear.id));
    const Bytes bytes = seal_manifest(clear, sample_details(), sample_keys(2), data->plain).value();
    const Digest digest = sha256(bytes);
    const auto envelope = make_envelope(clear, digest, data->wrapped, "0.1.0", keys);
    REQUIRE(catalog.put_manifest("1", digest, bytes).ok());
    REQUIRE(catalog.put_envelope("1", digest, write_envelope(envelope.value())).ok());
    return digest;
  }
  void name(const char* text, const Digest& digest) {
    REQUIRE(keys.sign_message({}).ok());
    Names names(catalog, "acme", trusted());
    REQUIRE(names.point(ImageName::parse(text).value(), digest, keys, 1).ok());
  }
  Result<OpenedImage> open(const std::string& text, Rollback rollback = Rollback::kRefuse) {
    return open_image({catalog, keys, sequences, trusted()},
                      {"acme", ImageName::parse(text).value(), rollback});
  }
};

}  // namespace

TEST_CASE("an image opens by its name, and by its digest", "[store]") {
  ImageFixture fixture;
  CHECK(fixture.open("web").error().code == Code::kNotFound);
  const Digest old = fixture.store_manifest("acme");
  const Digest now = fixture.store_manifest("acme");
  fixture.name("web", old);
  CHECK(fixture.open("web")->manifest.digest == old);
  fixture.name("web", now);
  const auto opened = fixture.open("web");
  REQUIRE(opened.ok());
  CHECK(opened->manifest.digest == now);
  CHECK(opened->root == "1");
  CHECK(opened->roots == std::vector<RootId>{"1"});
  CHECK(opened->builder_version == "0.1.0");
  CHECK(fixture.open("web@sha256:" + now.hex())->manifest.digest == now);
  CHECK(fixture.open("web@sha256:" + old.hex())->manifest.digest == old);
  CHECK(fixture.open("web@sha256:" + std::string(64, '0')).error().code == Code::kDamaged);
  CHECK(fixture.open("none@sha256:" + now.hex()).error().code == Code::kNotFound);
}

TEST_CASE("another tenant's manifest does not open under this tenant's name", "[store]") {
  ImageFixture fixture;
  const Digest other = fixture.store_manifest("other");
  fixture.name("web", other);
  CHECK(fixture.open("web").error().code == Code::kRefused);
  fixture.name("web", fixture.store_manifest("acme"));
  CHECK(fixture.open("web@sha256:" + other.hex()).error().code == Code::kRefused);
}

TEST_CASE("a store that was set back is refused, unless a person allows it", "[store]") {
  ImageFixture fixture;
  const Digest old = fixture.store_manifest("acme");
  fixture.name("web", old);
  const std::string record = fixture.text_of(name_key("acme", "web", "latest"));
  fixture.name("web", fixture.store_manifest("acme"));
  REQUIRE(fixture.open("web").ok());
  REQUIRE(fixture.put(name_key("acme", "web", "latest"), record).ok());
  CHECK(fixture.open("web").error().code == Code::kRefused);
  CHECK(fixture.open("web", Rollback::kAllow)->manifest.digest == old);
}

TEST_CASE("a tombstone is remembered, and what it replaced does not come back", "[store]") {
  ImageFixture fixture;
  fixture.name("web", fixture.store_manifest("acme"));
  const std::string key = name_key("acme", "web", "latest");
  const std::string record = fixture.text_of(key);
  REQUIRE(fixture.open("web").ok());
  Names names(fixture.catalog, "acme", fixture.trusted());
  REQUIRE(names.remove(ImageName::parse("web").value(), fixture.keys, 2).ok());
  CHECK(fixture.open("web").error().code == Code::kNotFound);
  REQUIRE(fixture.put(key, record).ok());
  CHECK(fixture.open("web").error().code == Code::kRefused);
  CHECK(fixture.open("web", Rollback::kAllow).ok());
}

TEST_CASE("a damaged or missing part of an image is told apart from a missing image", "[store]") {
  ImageFixture fixture;
  const Digest digest = fixture.store_manifest("acme");
  fixture.name("web", digest);
  std::string manifest = fixture.text_of(manifest_key("1", digest));
  std::string envelope = fixture.text_of(envelope_key("1", digest));

  REQUIRE(fixture.put(manifest_key("1", digest), manifest.substr(1)).ok());
  CHECK(fixture.open("web").error().code == Code::kDamaged);
  REQUIRE(fixture.remove(manifest_key("1", digest)).ok());
  CHECK(fixture.open("web").error().code == Code::kDamaged);
  REQUIRE(fixture.put(manifest_key("1", digest), manifest).ok());

  REQUIRE(fixture.put(envelope_key("1", digest), envelope.substr(1)).ok());
  CHECK(fixture.open("web").error().code == Code::kDamaged);
  REQUIRE(fixture.remove(envelope_key("1", digest)).ok());
  CHECK(fixture.open("web").error().code == Code::kDamaged);
  REQUIRE(fixture.put(envelope_key("1", digest), envelope).ok());
  CHECK(fixture.open("web").ok());

  std::filesystem::remove_all(fixture.folder / "keys/tenants");
  CHECK(fixture.open("web").error().code == Code::kRefused);
  std::filesystem::remove_all(fixture.folder / "keys/trusted");
  CHECK(fixture.open("web").error().code == Code::kRefused);
  std::filesystem::rename(fixture.path, fixture.path + ".away");
  CHECK(fixture.open("web").error().code == Code::kUnreachable);
}

}  // namespace thaw::open_image_test
