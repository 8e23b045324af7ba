#include "lib/build/chunk_salts.h"

#include <set>

#include "lib/build/verify_image.h"
#include "lib/crypto/hash.h"
#include "test/lib/build/memory_device.h"

namespace thaw::chunk_salts_test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

const Digest kContent = sha256({});

struct Salting {
  TemporaryFolder folder;
  BuildPlace place;

  Salting() {
    place.store_id = Identifier::random();
    // Which images share a bit and a group must not change from run to run.
    place.salt = {Identifier::random(), Secret(sha256(as_bytes("a salt")).bytes)};
  }
  std::unique_ptr<ChunkSalts> salts(SaltApart apart, const std::string& name = "web",
                                    milliseconds now = milliseconds(1'700'000'000'000)) {
    apart.uses_folder = folder / "uses";
    auto made = ChunkSalts::create(place, apart, {"acme", name}, now);
    REQUIRE(made.ok());
    return std::move(made).value();
  }
  Bytes salt(const SaltApart& apart, const std::string& name = "web",
             milliseconds now = milliseconds(1'700'000'000'000)) {
    const auto made = salts(apart, name, now);
    const ByteView view = made->salt_of(kContent).view();
    return {view.begin(), view.end()};
  }
  Bytes root_salt() const { return {place.salt.secret.view().begin(), place.salt.secret.view().end()}; }
  // An image of that name uses the chunk.
  void use(const SaltApart& apart, const std::string& name) {
    const auto made = salts(apart, name);
    made->salt_of(kContent);
    REQUIRE(made->remember().ok());
  }
};

SaltApart by_time(milliseconds period) { return {period, "", 0, 16, ""}; }
SaltApart by_zone(const std::string& zone) { return {milliseconds(0), zone, 0, 16, ""}; }
SaltApart by_popularity(uint64_t popular, uint64_t groups) {
  return {milliseconds(0), "", popular, groups, ""};
}

}  // namespace

TEST_CASE("without a setting the salt is the root's", "[build]") {
  Salting salting;
  CHECK(salting.salt({}) == salting.root_salt());
  CHECK(salting.salts({})->period() == 0);
}

TEST_CASE("salts are apart by the period that the build began in", "[build]") {
  Salting salting;
  const SaltApart daily = by_time(hours(24));
  const milliseconds day = hours(24);
  const milliseconds end = 20000 * day;
  const Bytes before = salting.salt(daily, "web", end - milliseconds(1));
  CHECK(before != salting.root_salt());
  CHECK(salting.salt(daily, "web", end - day) == before);
  CHECK(salting.salt(daily, "other", end - day) == before);
  CHECK(salting.salt(daily, "web", end) != before);
  CHECK(salting.salts(daily, "web", end)->period() == 20000);
  // Another length of the periods is another salt, also where the numbers meet.
  CHECK(salting.salt(by_time(day * 2), "web", end * 2) != salting.salt(daily, "web", end));
}

TEST_CASE("salts are apart by zone, and by both", "[build]") {
  Salting salting;
  const Bytes here = salting.salt(by_zone("eu-1"));
  CHECK(here == salting.salt(by_zone("eu-1"), "other", milliseconds(1)));
  CHECK(here != salting.salt(by_zone("eu-2")));
  CHECK(here != salting.root_salt());
  SaltApart both = by_zone("eu-1");
  both.by_time = hours(1);
  CHECK(salting.salt(both) != here);
  CHECK(salting.salt(both) != salting.salt(by_time(hours(1))));
  // Not what anybody can compute without the root's salt.
  Salting other;
  other.place.salt = make_salt();
  CHECK(other.salt(by_zone("eu-1")) != here);
}

TEST_CASE("what more images use than the setting says is salted by groups of images", "[build]") {
  Salting salting;
  const SaltApart apart = by_popularity(2, 4);
  CHECK(salting.salt(apart, "a") == salting.root_salt());
  salting.use(apart, "a");
  salting.use(apart, "a");
  CHECK(salting.salt(apart, "b") == salting.root_salt());
  salting.use(apart, "b");
  std::set<Bytes> seen;
  for (int image = 0; image < 60; ++image) {
    const std::string name = "image" + std::to_string(image);
    const Bytes salt = salting.salt(apart, name);
    CHECK(salt == salting.salt(apart, name));
    seen.insert(salt);
  }
  // For names that share a bit with a or b there are two still.
  seen.erase(salting.root_salt());
  CHECK(seen.size() == 4);
}

TEST_CASE("an image that is built again decides as before", "[build]") {
  Salting salting;
  const SaltApart apart = by_popularity(1, 4);
  salting.use(apart, "a");
  const Bytes first = salting.salt(apart, "b");
  CHECK(first != salting.root_salt());
  salting.use(apart, "b");
  CHECK(salting.salt(apart, "b") == first);
  const auto salts = salting.salts(apart, "b");
  salts->salt_of(kContent);
  salts->salt_of(kContent);
  salts->salt_of(sha256(as_bytes("rare")));
  CHECK(salts->popular_chunks() == 1);
}

TEST_CASE("an image that is salted apart is the same device, and its own objects", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({1, 2, 3, 0, 2});
  REQUIRE(fixture.build(device, "plain").ok());
  const SaltApart here = by_zone("eu-1");
  const auto first = fixture.build_apart(device, "here", here);
  REQUIRE(first.ok());
  CHECK(first->new_chunks == 3);
  CHECK(fixture.build_apart(device, "again", here)->new_chunks == 0);
  CHECK(fixture.build_apart(device, "there", by_zone("eu-2"))->new_chunks == 3);
  CHECK(fixture.build(device, "plain2")->new_chunks == 0);
  for (const char* name : {"plain", "here", "again", "there"}) {
    auto opened = fixture.open(name);
    REQUIRE(opened.ok());
    CHECK(opened->manifest.clear.chunks.size() == 4);
  }
}

TEST_CASE("a chunk that becomes popular is stored for each group", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({1, 2});
  const SaltApart apart = by_popularity(1, 2);
  const auto first = fixture.build_apart(device, "a", apart);
  REQUIRE(first.ok());
  CHECK(first->popular_chunks == 0);
  uint64_t stored = first->new_chunks;
  for (const char* name : {"b", "c", "d", "e", "f", "g", "h", "i"}) {
    const auto next = fixture.build_apart(device, name, apart);
    REQUIRE(next.ok());
    stored += next->new_chunks;
    const auto again = fixture.build_apart(device, name, apart);
    REQUIRE(again.ok());
    CHECK(again->new_chunks == 0);
    CHECK(again->popular_chunks == next->popular_chunks);
  }
  CHECK(stored == fixture.stored_chunks().size());
  CHECK(stored > 2);
  CHECK(stored <= 6);
}

}  // namespace thaw::chunk_salts_test
