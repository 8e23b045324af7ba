#include "lib/collect/live_images.h"

#include <filesystem>

#include "lib/crypto/hash.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::live_images_test {

TEST_CASE("live is what a name means or a lease lists, of any tenant", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web:1").ok());
  REQUIRE(fixture.build(MemoryDevice({4}), "web:2").ok());
  REQUIRE(fixture.build(MemoryDevice({6}), "team/gone").ok());
  REQUIRE(fixture.build_for("zeta", MemoryDevice({8}), Isolation::kShared).ok());
  REQUIRE(fixture.remove_name("team/gone").ok());
  const Digest leased = sha256(as_bytes("leased"));
  fixture.hold(Identifier::random(), {leased});
  fixture.hold(Identifier::random(), {});
  CollectRoom room = fixture.room();
  const auto live = find_live(room);
  REQUIRE(live.ok());
  CHECK(live->problems.empty());
  CHECK(live->used_by.size() == 4);
  CHECK(live->uses(leased));
  CHECK(live->used_by.at(fixture.manifest_of("web:1")) == "name acme/web:1");
}

TEST_CASE("a lease lapses by the store's clock, and only after so long", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  const Digest leased = sha256(as_bytes("leased"));
  const Identifier holder = Identifier::random();
  fixture.hold(holder, {leased});
  CollectRoom room = fixture.room();
  const std::string file = fixture.path + "/" + lease_key(holder);
  const auto written = std::filesystem::last_write_time(file);
  const auto uses = [&](std::chrono::seconds age) {
    std::filesystem::last_write_time(file, written - age);
    return find_live(room)->uses(leased);
  };
  CHECK(uses(std::chrono::hours(24) - std::chrono::minutes(1)));
  CHECK_FALSE(uses(std::chrono::hours(24) + std::chrono::minutes(1)));
  // From the future: the store's clock was set back.
  CHECK(uses(std::chrono::hours(-48)));
}

TEST_CASE("a lease or a name that cannot be believed is a problem", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  std::string key;
  SECTION("a damaged lease") {
    key = lease_key(Identifier::random());
    REQUIRE(fixture.put(key, "{}").ok());
  }
  SECTION("a lease that is too large") {
    key = lease_key(Identifier::random());
    REQUIRE(fixture.put(key, std::string(kMaxLeaseBytes + 1, ' ')).ok());
  }
  SECTION("a name of a builder that is not trusted") {
    key = name_key("acme", "web", "latest");
    fixture.builders = TrustedBuilders{};
  }
  SECTION("a record under another name") {
    key = name_key("acme", "copy", "latest");
    REQUIRE(fixture.put(key, fixture.text_of(name_key("acme", "web", "latest"))).ok());
  }
  const auto live = find_live(room);
  REQUIRE(live.ok());
  REQUIRE(live->problems.size() == 1);
  CHECK(live->problems[0].what == key);
  CHECK(refuse_problems(live->problems).error().code == Code::kDamaged);
}

TEST_CASE("nothing is concluded from a folder that is no store", "[collect]") {
  CollectFixture fixture;
  CollectRoom room = fixture.room();
  CHECK(find_live(room).error().code == Code::kNotFound);
}

}  // namespace thaw::live_images_test
