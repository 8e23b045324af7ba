#include "lib/store/catalog.h"

#include <thread>

#include "lib/crypto/hash.h"
#include "test/lib/store/store_fixture.h"

namespace thaw::catalog_test {
namespace {

bool same(const Secret& a, const Secret& b) {
  return std::equal(a.view().begin(), a.view().end(), b.view().begin());
}

void write_root(CatalogFixture& fixture, const Root& root) {
  REQUIRE(fixture.put(root_key(root.id), write_root_document(root)).ok());
}

}  // namespace

TEST_CASE("a first build makes the store, its root and its salt; the next one finds them", "[store]") {
  CatalogFixture fixture;
  CHECK(fixture.catalog.store_id().error().code == Code::kNotFound);
  CHECK(fixture.catalog.roots()->empty());
  const auto first = fixture.catalog.prepare_build(fixture.keys, 1000);
  REQUIRE(first.ok());
  CHECK(first->root.id == "1");
  CHECK(first->root.state == RootState::kActive);
  CHECK(first->root.created == 1000);

  Catalog later(fixture.store);
  const auto second = later.prepare_build(fixture.keys, 2000);
  REQUIRE(second.ok());
  CHECK(second->store_id == first->store_id);
  CHECK(later.store_id().value() == first->store_id);
  CHECK(second->root.created == 1000);
  CHECK(same(second->salt.secret, first->salt.secret));
}

TEST_CASE("a salt that the store has lost is said, with what to do", "[store]") {
  CatalogFixture fixture;
  const auto place = fixture.catalog.prepare_build(fixture.keys, 1000);
  REQUIRE(fixture.remove(salt_key(place->root.salt_id)).ok());
  const auto lost = fixture.catalog.prepare_build(fixture.keys, 2000);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().code == Code::kDamaged);
  CHECK(lost.error().message.find("--new-salt") != std::string::npos);
}

TEST_CASE("builders that meet at an empty store agree, and leave one salt", "[store]") {
  CatalogFixture fixture;
  constexpr size_t kBuilders = 6;
  std::vector<std::optional<Result<BuildPlace>>> places(kBuilders);
  std::vector<std::thread> builders;
  for (size_t i = 0; i < kBuilders; ++i) {
    builders.emplace_back([&fixture, &places, i] {
      KeyringDirectory keys(fixture.folder / "keys", KeyringUse::kBuild);
      Catalog catalog(fixture.store);
      places[i] = catalog.prepare_build(keys, 1000 + i);
    });
  }
  for (std::thread& builder : builders) builder.join();
  for (const auto& place : places) {
    REQUIRE(place->ok());
    CHECK(place->value().store_id == places[0]->value().store_id);
    CHECK(place->value().root.created == places[0]->value().root.created);
    CHECK(same(place->value().salt.secret, places[0]->value().salt.secret));
  }
  ListOptions salts;
  salts.prefix = "salts/";
  CHECK(fixture.list(salts)->size() == 1);
}

TEST_CASE("the newest active root is built into, and all but deleted ones are read", "[store]") {
  CatalogFixture fixture;
  const auto first = fixture.catalog.prepare_build(fixture.keys, 1);
  REQUIRE(first.ok());
  const Identifier salt = first->root.salt_id;
  for (unsigned n = 2; n <= 12; ++n) write_root(fixture, {std::to_string(n), RootState::kActive, salt, n});
  write_root(fixture, {"12", RootState::kRetired, salt, 12});
  write_root(fixture, {"3", RootState::kDeleted, salt, 3});
  CHECK(fixture.catalog.prepare_build(fixture.keys, 1)->root.id == "11");
  const auto readable = fixture.catalog.readable_roots();
  REQUIRE(readable->size() == 11);
  CHECK(readable->front().id == "12");
  CHECK(readable->back().id == "1");

  for (unsigned n = 1; n <= 12; ++n) write_root(fixture, {std::to_string(n), RootState::kExpired, salt, n});
  CHECK(fixture.catalog.prepare_build(fixture.keys, 1).error().code == Code::kRefused);
}

TEST_CASE("a new root takes its share of the builds, and what is left goes into an older one", "[store]") {
  CatalogFixture fixture;
  const auto first = fixture.catalog.prepare_build(fixture.keys, 1);
  REQUIRE(first.ok());
  const auto second = fixture.catalog.add_root(first->root.salt_id, 20, 2);
  REQUIRE((second.ok() && second->id == "2"));
  unsigned taken = 0;
  for (unsigned build = 0; build < 200; ++build) {
    const auto place = fixture.catalog.prepare_build(fixture.keys, 3);
    REQUIRE(place.ok());
    if (place->root.id == "2") ++taken;
  }
  CHECK((taken >= 10 && taken <= 80));
  write_root(fixture, {"1", RootState::kRetired, first->root.salt_id, 1});
  CHECK(fixture.catalog.prepare_build(fixture.keys, 3)->root.id == "2");
}

TEST_CASE("a root changes only as it was read, and a tombstone stays", "[store]") {
  CatalogFixture fixture;
  REQUIRE(fixture.catalog.prepare_build(fixture.keys, 1).ok());
  const StoredRoot read = fixture.catalog.read_stored_root("1").value();
  Root retired = read.root;
  retired.state = RootState::kRetired;
  CHECK(fixture.catalog.put_root(retired, read.version).value() == PutOutcome::kStored);
  Root deleted = read.root;
  deleted.state = RootState::kDeleted;
  CHECK(fixture.catalog.put_root(deleted, read.version).value() == PutOutcome::kKept);
  CHECK(fixture.catalog.read_root("1")->state == RootState::kRetired);

  write_root(fixture, deleted);
  CHECK(fixture.catalog.readable_roots()->empty());
  CHECK(fixture.catalog.roots_with_objects()->size() == 1);
  deleted.emptied = true;
  write_root(fixture, deleted);
  CHECK(fixture.catalog.roots_with_objects()->empty());
  CHECK(fixture.catalog.add_root(deleted.salt_id, 100, 2)->id == "2");
}

TEST_CASE("another keyring cannot open the salt", "[store]") {
  CatalogFixture fixture;
  REQUIRE(fixture.catalog.prepare_build(fixture.keys, 1).ok());
  KeyringDirectory other(fixture.folder / "other", KeyringUse::kBuild);
  const auto place = fixture.catalog.prepare_build(other, 1);
  REQUIRE_FALSE(place.ok());
  CHECK(place.error().code == Code::kRefused);
}

TEST_CASE("keys that are not the store's are said before any is made", "[store]") {
  CatalogFixture fixture;
  KeyringDirectory other(fixture.folder / "other", KeyringUse::kBuild);
  CHECK(fixture.catalog.check_builder(other).ok());
  REQUIRE(fixture.catalog.prepare_build(fixture.keys, 1).ok());
  CHECK(fixture.catalog.check_builder(fixture.keys).ok());
  CHECK(fixture.catalog.check_builder(other).error().code == Code::kRefused);
  CHECK_FALSE(std::filesystem::exists(fixture.folder / "other"));
}

TEST_CASE("a store that lost its description is not an empty one", "[store]") {
  for (const std::string lost : {"store.json", "roots", "roots/1/root.json"}) {
    INFO(lost);
    CatalogFixture fixture;
    REQUIRE(fixture.catalog.prepare_build(fixture.keys, 1).ok());
    REQUIRE(fixture.put(name_key("acme", "web", "1"), "a name").ok());
    REQUIRE(fixture.put(chunk_folder("1") + "ab/chunk", "a chunk").ok());
    std::filesystem::remove_all(fixture.folder / ("store/" + lost));
    Catalog later(fixture.store);
    CHECK(later.prepare_build(fixture.keys, 2).error().code == Code::kDamaged);
    CHECK(later.check_builder(fixture.keys).error().code == Code::kDamaged);
    CHECK((later.store_id().ok() ? later.roots().error() : later.store_id().error()).code == Code::kDamaged);
    CHECK_FALSE(std::filesystem::exists(fixture.folder / ("store/" + lost)));
  }
}

TEST_CASE("a manifest is found in the newest root that holds it", "[store]") {
  CatalogFixture fixture;
  const auto first = fixture.catalog.prepare_build(fixture.keys, 1);
  write_root(fixture, {"2", RootState::kActive, first->root.salt_id, 2});
  const Digest digest = sha256(as_bytes("manifest"));
  CHECK(fixture.catalog.find_manifest(digest).error().code == Code::kNotFound);
  REQUIRE(fixture.catalog.put_manifest("1", digest, as_bytes("manifest")).ok());
  CHECK(fixture.catalog.find_manifest(digest)->root == "1");
  REQUIRE(fixture.catalog.put_manifest("2", digest, as_bytes("manifest")).ok());
  const auto found = fixture.catalog.find_manifest(digest);
  CHECK(found->root == "2");
  CHECK(as_text(found->bytes.view()) == "manifest");
  REQUIRE(fixture.catalog.put_envelope("2", digest, as_bytes("envelope")).ok());
  CHECK(as_text(fixture.catalog.read_envelope("2", digest)->view()) == "envelope");
  CHECK(fixture.catalog.read_envelope("1", digest).error().code == Code::kNotFound);
}

TEST_CASE("damaged documents of a store are said, not overwritten", "[store]") {
  CatalogFixture fixture;
  REQUIRE(fixture.put("store.json", "{}").ok());
  CHECK(fixture.catalog.prepare_build(fixture.keys, 1).error().code == Code::kDamaged);
  CHECK(fixture.text_of("store.json") == "{}");

  CatalogFixture second;
  REQUIRE(second.catalog.prepare_build(second.keys, 1).ok());
  REQUIRE(second.put("roots/1/root.json", "{").ok());
  CHECK(second.catalog.prepare_build(second.keys, 1).error().code == Code::kDamaged);
  CHECK(second.catalog.roots().error().code == Code::kDamaged);
}

}  // namespace thaw::catalog_test
