#include "lib/collect/copy_forward.h"

#include "test/lib/collect/collect_fixture.h"

namespace thaw::copy_forward_test {
namespace {

struct CopyFixture : CollectFixture {
  Digest digest;

  CopyFixture() {
    REQUIRE(build(MemoryDevice({2, 4, 6}), "web").ok());
    digest = manifest_of("web");
    CollectRoom with = room();
    REQUIRE(create_root(with, 100, {}).ok());
  }
  Result<CopyCounts> copy() {
    CollectRoom with = room();
    CopyForward copying(with, {"1"}, "2", {});
    THAW_TRY(copying.copy(digest));
    return copying.counts();
  }
};

}  // namespace

TEST_CASE("a copy is the image byte for byte, its trace and order too", "[collect]") {
  CopyFixture fixture;
  REQUIRE(fixture.put(trace_key("1", fixture.digest), "trace").ok());
  REQUIRE(fixture.copy()->chunks == 3);
  const auto keys = fixture.keys_in("roots/1/");
  for (const std::string& key : keys) {
    if (key == root_key("1")) continue;
    const std::string copied = "roots/2/" + key.substr(8);
    CHECK(fixture.text_of(copied) == fixture.text_of(key));
  }
  CHECK(fixture.keys_in("roots/2/").size() == keys.size());
  CHECK(fixture.copy()->chunks == 0);
}

TEST_CASE("what is there already counts only when its bytes are right", "[collect]") {
  CopyFixture fixture;
  const auto chunks = fixture.stored_chunks();
  const auto in_copy = [](const std::string& key) { return "roots/2/" + key.substr(8); };
  std::string flipped = fixture.text_of(chunks[0].key);
  flipped[100] = static_cast<char>(flipped[100] ^ 1);
  REQUIRE(fixture.put(in_copy(chunks[0].key), flipped).ok());
  REQUIRE(fixture.put(in_copy(chunks[1].key), "").ok());
  REQUIRE(fixture.put(in_copy(chunks[2].key), fixture.text_of(chunks[2].key)).ok());
  CHECK(fixture.copy()->chunks == 2);
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("the manifest comes last", "[collect]") {
  CopyFixture fixture;
  std::string missing;
  SECTION("without a chunk") { missing = fixture.stored_chunks()[2].key; }
  SECTION("without the envelope") { missing = envelope_key("1", fixture.digest); }
  REQUIRE(fixture.remove(missing).ok());
  CHECK(fixture.copy().error().code == Code::kDamaged);
  CHECK(fixture.keys_in("roots/2/manifests/").empty());
}

}  // namespace thaw::copy_forward_test
