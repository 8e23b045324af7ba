#include "lib/collect/root_course.h"

#include "lib/build/export_image.h"
#include "lib/collect/alarms.h"
#include "lib/collect/audit.h"
#include "lib/collect/root_contents.h"
#include "lib/collect/update_root.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::root_course_test {

TEST_CASE("a root goes, what is named stays, and its bytes are the same", "[collect]") {
  CollectFixture fixture;
  const MemoryDevice kept({1, 2, 3, 0, 5});
  const MemoryDevice gone({2, 7, 9});
  REQUIRE(fixture.build(kept, "kept").ok());
  REQUIRE(fixture.build(gone, "gone").ok());
  const Digest digest = fixture.manifest_of("kept");
  REQUIRE(fixture.remove_name("gone").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {})->id == "2");

  const auto retired = retire_root(room, "1", {});
  REQUIRE(retired.ok());
  CHECK((retired->copied.images == 1 && retired->copied.chunks == 4));
  CHECK(fixture.state_of("1") == RootState::kRetired);
  CHECK(fixture.open("kept")->root == "2");
  CHECK(fixture.keys_in("roots/1/chunks/").size() == 6);

  CHECK(expire_root(room, "1", {})->copied.images == 0);
  const auto deleted = delete_root(room, "1", {});
  REQUIRE(deleted.ok());
  CHECK(deleted->removed == 6 + 2 * 3);
  CHECK(fixture.keys_in("roots/1/") == std::vector<std::string>{"roots/1/root.json"});
  CHECK((deleted->root.state == RootState::kDeleted && deleted->root.emptied));
  CHECK(fixture.keys_in("roots/2/chunks/").size() == 4);
  CHECK(fixture.open("kept")->manifest.digest == digest);
  CHECK(fixture.is_whole("kept"));
  CHECK(fixture.open("gone").error().code == Code::kNotFound);
  // Again is no error, and an id is never used again.
  CHECK(delete_root(room, "1", {})->removed == 0);
  CHECK(create_root(room, 100, {})->id == "3");
}

TEST_CASE("a root inherits no salt that is lost", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  const Identifier salt = fixture.catalog.read_root("1")->salt_id;
  const std::string record = fixture.text_of(salt_key(salt));
  REQUIRE(fixture.remove(salt_key(salt)).ok());
  CHECK(create_root(room, 100, {}).error().message.find("--new-salt") != std::string::npos);
  CHECK(fixture.catalog.roots()->size() == 1);
  REQUIRE(fixture.put(salt_key(salt), record).ok());
  CHECK(create_root(room, 100, {}).ok());
}

TEST_CASE("a root goes one step at a time, and one active root stays", "[collect]") {
  CollectFixture fixture;
  CollectRoom room = fixture.room();
  CHECK(create_root(room, 100, {}).error().code == Code::kNotFound);
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CHECK(retire_root(room, "7", {}).error().code == Code::kNotFound);
  CHECK(retire_root(room, "1", {}).error().code == Code::kRefused);
  CHECK(expire_root(room, "1", {}).error().code == Code::kRefused);
  CHECK(delete_root(room, "1", {}).error().code == Code::kRefused);
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  CHECK(delete_root(room, "1", {}).error().code == Code::kRefused);
  REQUIRE(expire_root(room, "1", {}).ok());
  REQUIRE(expire_root(room, "1", {}).ok());
  CHECK(retire_root(room, "1", {}).error().code == Code::kRefused);
  REQUIRE(delete_root(room, "1", {}).ok());
  CHECK(expire_root(room, "1", {}).error().code == Code::kRefused);
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("what becomes used after a root was retired is copied before it is deleted", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  REQUIRE(fixture.build(MemoryDevice({6}), "other").ok());
  const Digest web = fixture.manifest_of("web");
  REQUIRE(fixture.remove_name("web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  CHECK(fixture.catalog.find_manifest(web)->root == "1");
  fixture.hold(Identifier::random(), {web});
  REQUIRE(expire_root(room, "1", {}).ok());
  CHECK(fixture.catalog.find_manifest(web)->root == "2");
  REQUIRE(delete_root(room, "1", {}).ok());
  CHECK(fixture.keys_in("roots/2/chunks/").size() == 3);
}

TEST_CASE("an alarm stops deletion until a person clears it", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  REQUIRE(expire_root(room, "1", {}).ok());
  const Identifier worker = Identifier::random();
  REQUIRE(fixture.put(alarm_key("1", worker), write_alarm({"1", worker, "web:1 is mounted from it"})).ok());
  const auto refused = delete_root(room, "1", {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::kRefused);
  CHECK(refused.error().message.find("web:1 is mounted from it") != std::string::npos);
  CHECK(fixture.state_of("1") == RootState::kExpired);

  // Also one that nobody can read.
  REQUIRE(fixture.put(alarm_key("1", worker), "?").ok());
  CHECK(delete_root(room, "1", {}).error().code == Code::kRefused);
  CHECK(clear_alarms(room, "1", "looked into it").value() == 1);
  CHECK(fixture.catalog.read_root("1")->cleared == "looked into it");
  CHECK(delete_root(room, "1", {}).ok());
}

TEST_CASE("an alarm is cleared with a reason, and where there is one", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  CHECK(clear_alarms(room, "1", "").error().code == Code::kUsage);
  CHECK(clear_alarms(room, "1", "no alarm").error().code == Code::kNotFound);
  CHECK(clear_alarms(room, "7", "no root").error().message == "there is no root 7; see 'thaw roots list'");
  CHECK(fixture.catalog.read_root("1")->cleared.empty());
}

TEST_CASE("a root's document that others change is changed after them, but not for ever", "[collect]") {
  CollectFixture fixture;
  CollectRoom room = fixture.room();
  REQUIRE(fixture.build(MemoryDevice({1}), "any").ok());
  unsigned others = 3;
  const auto note = [&](Root& root) {
    root.cleared = "mine";
    if (others == 0) return;
    --others;
    const auto stored = fixture.catalog.read_stored_root("1");
    Root theirs = stored->root;
    theirs.created = others + 1;
    REQUIRE(fixture.catalog.put_root(theirs, stored->version).value() == PutOutcome::kStored);
  };
  const auto changed = update_root(room, "1", note);
  REQUIRE(changed.ok());
  CHECK(changed->cleared == "mine");
  CHECK(changed->created == 1);
  others = 1000;
  CHECK(update_root(room, "1", note).error().code == Code::kUnreachable);
  CHECK(others > 900);
}

TEST_CASE("what cannot be believed stops deletion, and nothing is lost", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  REQUIRE(fixture.build(MemoryDevice({6}), "other").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  const Digest digest = fixture.manifest_of("web");
  std::string key;
  SECTION("a manifest with a flipped byte") { key = manifest_key("1", digest); }
  SECTION("a chunk with a flipped byte") { key = fixture.stored_chunks()[0].key; }
  SECTION("an envelope with a flipped byte") { key = envelope_key("1", digest); }
  SECTION("a name record with a flipped byte") { key = name_key("acme", "web", "latest"); }
  const std::string good = fixture.text_of(key);
  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  REQUIRE(fixture.put(key, bad).ok());

  const auto refused = retire_root(room, "1", {});
  REQUIRE_FALSE(refused.ok());
  CHECK((refused.error().code == Code::kDamaged || refused.error().code == Code::kRefused));
  CHECK(expire_root(room, "1", {}).error().code == refused.error().code);
  CHECK(fixture.state_of("1") == RootState::kRetired);
  CHECK(fixture.keys_in("roots/1/chunks/").size() == 3);

  REQUIRE(fixture.put(key, good).ok());
  CHECK(fixture.end_first_root().ok());
  CHECK(fixture.is_whole("web"));
  CHECK(fixture.is_whole("other"));
}

TEST_CASE("a missing chunk, and a name whose manifest is gone, stop deletion", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  SECTION("chunk") { REQUIRE(fixture.remove(fixture.stored_chunks()[1].key).ok()); }
  SECTION("manifest") { REQUIRE(fixture.remove(manifest_key("1", fixture.manifest_of("web"))).ok()); }
  CHECK(retire_root(room, "1", {}).error().code == Code::kDamaged);
  CHECK(expire_root(room, "1", {}).error().code == Code::kDamaged);
  // Built again it goes into the active root, and all is well.
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web")->root == "2");
  CHECK(fixture.end_first_root().ok());
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("the last sound copy is not deleted: what is wrong in the active root is mended from it",
          "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  REQUIRE(expire_root(room, "1", {}).ok());
  const Digest digest = fixture.manifest_of("web");
  const std::string chunk = "roots/2/" + fixture.stored_chunks()[0].key.substr(8);
  const auto flip = [&](const std::string& key) {
    std::string bytes = fixture.text_of(key);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    REQUIRE(fixture.put(key, bytes).ok());
  };
  std::string last;
  SECTION("a chunk that is missing") { REQUIRE(fixture.remove(chunk).ok()); }
  SECTION("a chunk with a flipped byte") { flip(chunk); }
  SECTION("a chunk that was cut") { REQUIRE(fixture.put(chunk, "short").ok()); }
  SECTION("a manifest with a flipped byte") { flip(manifest_key("2", digest)); }
  SECTION("an envelope that is missing") { REQUIRE(fixture.remove(envelope_key("2", digest)).ok()); }
  SECTION("an envelope with a flipped byte") { flip(envelope_key("2", digest)); }
  SECTION("a chunk that is wrong in both") {
    flip(chunk);
    last = fixture.stored_chunks()[0].key;
    flip(last);
    const auto refused = delete_root(room, "1", {});
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Code::kDamaged);
    CHECK(refused.error().message.find("needed by name acme/web:latest") != std::string::npos);
    CHECK(refused.error().message.find("--verify-existing") != std::string::npos);
    CHECK(fixture.state_of("1") == RootState::kExpired);
    CHECK_FALSE(fixture.keys_in("roots/1/chunks/").empty());
    flip(last);
  }
  REQUIRE(delete_root(room, "1", {}).ok());
  CHECK(fixture.keys_in("roots/1/chunks/").empty());
  CHECK(fixture.open("web")->root == "2");
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("a chunk that an image elsewhere lacks keeps a root that has it", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  const std::string chunk = fixture.stored_chunks()[0].key;
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web")->root == "2");
  REQUIRE(retire_root(room, "1", {}).ok());
  REQUIRE(expire_root(room, "1", {}).ok());
  REQUIRE(fixture.remove("roots/2/" + chunk.substr(8)).ok());
  const auto refused = delete_root(room, "1", {});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("thaw scrub") != std::string::npos);
  REQUIRE(scrub_store(room, {}, {})->repaired == 1);
  CHECK(delete_root(room, "1", {}).ok());
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("a root of many objects is removed by prefix", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  for (unsigned i = 0; i < 9000; ++i) {
    const ChunkId id = sha256(as_bytes(std::to_string(i)));
    const std::filesystem::path file(fixture.path + "/" + chunk_key("1", id));
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file).put('x');
  }
  REQUIRE(expire_root(room, "1", {}).ok());
  CHECK(delete_root(room, "1", {})->removed == 9000 + 1 + 3);
  CHECK(fixture.keys_in("roots/1/") == std::vector<std::string>{"roots/1/root.json"});
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("a root's chunks are counted, and the count is kept", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}), "web").ok());
  CollectRoom room = fixture.room();
  const auto counted = recount_root(room, "1", {});
  REQUIRE(counted.ok());
  uint64_t bytes = 0;
  for (const ListedObject& chunk : fixture.stored_chunks()) bytes += chunk.size;
  CHECK((counted->counted->chunks == 12 && counted->counted->bytes == bytes && counted->counted->at > 0));
  CHECK(fixture.catalog.read_root("1")->counted->chunks == 12);
}

}  // namespace thaw::root_course_test
