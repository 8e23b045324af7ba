#include "lib/collect/audit.h"

#include "test/lib/collect/collect_fixture.h"

namespace thaw::audit_test {
namespace {

struct AuditFixture : CollectFixture {
  AuditFixture() {
    REQUIRE(build(MemoryDevice({2, 4, 6}), "web").ok());
    REQUIRE(build(MemoryDevice({6, 8}), "other").ok());
  }
  void flip(const std::string& key) {
    std::string bytes = text_of(key);
    bytes[77] = static_cast<char>(bytes[77] ^ 1);
    REQUIRE(put(key, bytes).ok());
  }
  AuditReport check() {
    CollectRoom with = room();
    return check_store(with, {}).value();
  }
  AuditReport scrub(const FindElsewhere& elsewhere = {}) {
    CollectRoom with = room();
    return scrub_store(with, elsewhere, {}).value();
  }
};

}  // namespace

TEST_CASE("a sound store has no problem", "[collect]") {
  AuditFixture fixture;
  for (const AuditReport& report : {fixture.check(), fixture.scrub()}) {
    CHECK((report.images == 2 && report.chunks == 4 && report.bytes == 4 * kTestChunk));
    CHECK((report.problems.empty() && report.repaired == 0));
  }
}

TEST_CASE("a check names what is missing, of a wrong length, or cannot be believed", "[collect]") {
  AuditFixture fixture;
  const auto chunks = fixture.stored_chunks();
  std::vector<std::string> wrong;
  SECTION("chunks") {
    REQUIRE(fixture.remove(chunks[0].key).ok());
    REQUIRE(fixture.put(chunks[1].key, "short").ok());
    wrong = {chunks[0].key, chunks[1].key};
  }
  SECTION("a manifest") {
    wrong = {manifest_key("1", fixture.manifest_of("web"))};
    fixture.flip(wrong[0]);
  }
  SECTION("an envelope") {
    wrong = {envelope_key("1", fixture.manifest_of("web"))};
    REQUIRE(fixture.remove(wrong[0]).ok());
  }
  SECTION("a name") {
    wrong = {name_key("acme", "web", "latest")};
    fixture.flip(wrong[0]);
  }
  std::vector<std::string> named;
  for (const CollectProblem& problem : fixture.check().problems) named.push_back(problem.what);
  std::sort(named.begin(), named.end());
  CHECK(named == wrong);
}

TEST_CASE("a scrub finds flipped bytes, and mends from another root or from elsewhere", "[collect]") {
  AuditFixture fixture;
  const auto chunks = fixture.stored_chunks();
  const std::string good = fixture.text_of(chunks[0].key);
  fixture.flip(chunks[0].key);
  CHECK(fixture.check().problems.empty());
  AuditReport report = fixture.scrub();
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].what == chunks[0].key);
  CHECK(report.problems[0].why.message.find("build that image again") != std::string::npos);

  SECTION("from another root") {
    CollectRoom room = fixture.room();
    REQUIRE(create_root(room, 100, {}).ok());
    REQUIRE(fixture.put("roots/2/" + chunks[0].key.substr(8), good).ok());
    report = fixture.scrub();
  }
  SECTION("from elsewhere") {
    report = fixture.scrub([&](const ChunkRef& ref, Completion<SealedChunk> done) {
      done(SealedChunk::verify(ref, Buffer::copy_of(as_bytes(good))));
    });
  }
  CHECK((report.problems.empty() && report.repaired == 1));
  CHECK(fixture.text_of(chunks[0].key) == good);
  CHECK(fixture.scrub().repaired == 0);
}

TEST_CASE("a scrub mends manifests and envelopes from another root", "[collect]") {
  AuditFixture fixture;
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  const Digest digest = fixture.manifest_of("web");
  std::string wrong;
  SECTION("a manifest") { wrong = manifest_key("2", digest); }
  SECTION("an envelope") { wrong = envelope_key("2", digest); }
  const std::string good = fixture.text_of(wrong);
  fixture.flip(wrong);
  CHECK(fixture.check().problems.size() == 1);
  const AuditReport report = fixture.scrub();
  CHECK((report.problems.empty() && report.repaired == 1 && report.images == 2 && report.chunks == 4));
  CHECK(fixture.text_of(wrong) == good);
}

TEST_CASE("a chunk that is there and wrong is not said to be missing", "[collect]") {
  AuditFixture fixture;
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  fixture.flip(fixture.stored_chunks()[0].key);
  const AuditReport report = fixture.scrub();
  REQUIRE(report.problems.size() == 1);
  CHECK(report.problems[0].why.message.find("no root") == std::string::npos);
  CHECK(report.problems[0].why.message.find("--verify-existing") != std::string::npos);
}

}  // namespace thaw::audit_test
