#include "lib/store/names.h"

#include <thread>

#include "lib/crypto/hash.h"
#include "test/fakes/compares_nothing.h"
#include "test/lib/store/store_fixture.h"

namespace thaw::names_test {
namespace {

struct NamesFixture : CatalogFixture {
  Digest first = sha256(as_bytes("1"));
  Digest second = sha256(as_bytes("2"));

  NamesFixture() {
    REQUIRE(catalog.prepare_build(keys, 1).ok());
    REQUIRE(keys.sign_message({}).ok());
  }
  Names names(const std::string& tenant = "acme") { return Names(catalog, tenant, trusted()); }
};

ImageName image(const char* text) { return ImageName::parse(text).value(); }

}  // namespace

TEST_CASE("a name points, points elsewhere with a higher sequence, and is removed", "[store]") {
  NamesFixture fixture;
  Names names = fixture.names();
  CHECK(names.find(image("web")).error().code == Code::kNotFound);
  CHECK(names.point(image("web"), fixture.first, fixture.keys, 10)->sequence == 1);
  CHECK(names.find(image("web"))->manifest == fixture.first);
  CHECK(names.point(image("web"), fixture.second, fixture.keys, 20)->sequence == 2);
  CHECK(names.find(image("web"))->manifest == fixture.second);
  CHECK(names.find(image("web"))->time == 20);
  CHECK(names.find(image("web:other")).error().code == Code::kNotFound);
  CHECK(fixture.names("other").find(image("web")).error().code == Code::kNotFound);

  CHECK(names.remove(image("web"), fixture.keys, 30)->sequence == 3);
  CHECK(names.find(image("web")).error().code == Code::kNotFound);
  CHECK(names.remove(image("web"), fixture.keys, 30).error().code == Code::kNotFound);
  CHECK(names.remove(image("never"), fixture.keys, 30).error().code == Code::kNotFound);
  CHECK(names.point(image("web"), fixture.first, fixture.keys, 40)->sequence == 4);
}

TEST_CASE("a store that never replaces is told from one that others write to", "[store]") {
  const NamesFixture fixture;
  ComparesNothing store;
  Catalog catalog(store);
  KeyringDirectory keys(fixture.folder / "keys", KeyringUse::kBuild);
  REQUIRE(catalog.prepare_build(keys, 1).ok());
  Names names(catalog, "acme", fixture.trusted());
  REQUIRE(names.point(image("web"), fixture.first, keys, 10).ok());
  for (const auto& refused :
       {names.point(image("web"), fixture.second, keys, 20), names.remove(image("web"), keys, 30)}) {
    REQUIRE(!refused.ok());
    CHECK(refused.error().message.find("If-Match") != std::string::npos);
  }
}

TEST_CASE("nothing is named that could not be remembered", "[store]") {
  NamesFixture fixture;
  SequenceMemory seen(fixture.folder / "seen");
  Names names(fixture.catalog, "acme", fixture.trusted(), &seen);
  REQUIRE(names.point(image("web"), fixture.first, fixture.keys, 10).ok());
  // A disk on which nothing can be made any more, for a process of root too.
  std::filesystem::remove(fixture.folder / "seen/lock");
  std::filesystem::create_directory(fixture.folder / "seen/lock");
  CHECK(!names.point(image("web"), fixture.second, fixture.keys, 20).ok());
  CHECK(!names.remove(image("web"), fixture.keys, 20).ok());
  CHECK(!names.point(image("new"), fixture.first, fixture.keys, 20).ok());
  REQUIRE(names.find(image("web")).ok());
  CHECK(names.find(image("web"))->manifest == fixture.first);
  CHECK(names.find(image("new")).error().code == Code::kNotFound);
}

TEST_CASE("no sequence comes twice, wherever the store was set back to", "[store]") {
  NamesFixture fixture;
  SequenceMemory seen(fixture.folder / "seen");
  Names names(fixture.catalog, "acme", fixture.trusted(), &seen);
  const std::string key = name_key("acme", "web", "latest");
  REQUIRE(names.point(image("web"), fixture.first, fixture.keys, 10)->sequence == 1);
  const std::string first = fixture.text_of(key);
  REQUIRE(names.point(image("web"), fixture.second, fixture.keys, 20)->sequence == 2);
  SECTION("to an older record") { REQUIRE(fixture.put(key, first).ok()); }
  SECTION("to before the name was there") { REQUIRE(fixture.remove(key).ok()); }
  CHECK(names.point(image("web"), fixture.first, fixture.keys, 30)->sequence == 3);
  REQUIRE(fixture.put(key, first).ok());
  CHECK(names.remove(image("web"), fixture.keys, 40)->sequence == 4);
  CHECK(seen.check(names.find_any(image("web")).value(), Rollback::kRefuse).ok());
}

TEST_CASE("a tenant's names are listed without tombstones, damaged ones with their error", "[store]") {
  NamesFixture fixture;
  Names names = fixture.names();
  CHECK(names.list()->empty());
  for (const char* name : {"web:2", "web:1", "team/web", "gone", "sick"}) {
    REQUIRE(names.point(image(name), fixture.first, fixture.keys, 1).ok());
  }
  REQUIRE(fixture.names("other").point(image("x"), fixture.first, fixture.keys, 1).ok());
  REQUIRE(names.remove(image("gone"), fixture.keys, 2).ok());
  REQUIRE(fixture.put(name_key("acme", "sick", "latest"), "junk").ok());

  const auto listed = names.list();
  REQUIRE(listed.ok());
  std::vector<std::string> found;
  for (const ListedImage& entry : listed.value()) {
    found.push_back(entry.name + ":" + entry.tag + (entry.record.ok() ? "" : " damaged"));
  }
  CHECK(found == std::vector<std::string>{"sick:latest damaged", "team/web:latest", "web:1", "web:2"});
}

TEST_CASE("a damaged record is mended by the next build, above every counted sequence", "[store]") {
  NamesFixture fixture;
  Names names = fixture.names();
  REQUIRE(names.point(image("web"), fixture.first, fixture.keys, 1).ok());
  REQUIRE(fixture.put(name_key("acme", "web", "latest"), "junk").ok());
  CHECK(names.find(image("web")).error().code == Code::kDamaged);
  CHECK(names.point(image("web"), fixture.second, fixture.keys, 1700000000)->sequence == 1700000000);
  CHECK(names.find(image("web"))->manifest == fixture.second);
}

TEST_CASE("a record that was moved or signed by a stranger is refused and kept", "[store]") {
  NamesFixture fixture;
  Names names = fixture.names();
  REQUIRE(names.point(image("web"), fixture.first, fixture.keys, 1).ok());
  const std::string record = fixture.text_of(name_key("acme", "web", "latest"));
  REQUIRE(fixture.put(name_key("acme", "api", "latest"), record).ok());
  CHECK(names.find(image("api")).error().code == Code::kRefused);
  CHECK(names.point(image("api"), fixture.first, fixture.keys, 1).error().code == Code::kRefused);
  CHECK(fixture.text_of(name_key("acme", "api", "latest")) == record);

  Names stranger(fixture.catalog, "acme", {});
  CHECK(stranger.find(image("web")).error().code == Code::kRefused);
}

TEST_CASE("builders that name at once each get a sequence of their own", "[store]") {
  NamesFixture fixture;
  constexpr size_t kBuilders = 6;
  std::vector<uint64_t> sequences(kBuilders);
  std::vector<std::thread> builders;
  const TrustedBuilders trusted = fixture.trusted();
  for (size_t i = 0; i < kBuilders; ++i) {
    builders.emplace_back([&, i] {
      Names names(fixture.catalog, "acme", trusted);
      const auto named = names.point(image("web"), fixture.first, fixture.keys, 1);
      if (named.ok()) sequences[i] = named->sequence;
    });
  }
  for (std::thread& builder : builders) builder.join();
  std::sort(sequences.begin(), sequences.end());
  CHECK(sequences == std::vector<uint64_t>{1, 2, 3, 4, 5, 6});
  CHECK(fixture.names().find(image("web"))->sequence == kBuilders);
}

}  // namespace thaw::names_test
