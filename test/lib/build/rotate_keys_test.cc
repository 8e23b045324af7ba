#include "lib/build/rotate_keys.h"

#include "lib/store/names.h"
#include "lib/store/paths.h"
#include "test/lib/build/memory_device.h"

namespace thaw::rotate_keys_test {
namespace {

// A key service that something happens to.
class InterruptedKeys final : public KeyService {
 public:
  explicit InterruptedKeys(KeyService& keys) : keys_(keys) {}
  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override {
    Result<DataKey> made = keys_.generate_data_key(tenant, context);
    if (after_generate) std::exchange(after_generate, nullptr)();
    return made;
  }
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override {
    return keys_.unwrap(wrapped, context);
  }
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override {
    if (before_rewrap) std::exchange(before_rewrap, nullptr)();
    if (rewraps_left-- == 0) return Error{Code::kUnreachable, "the key service is away"};
    return keys_.rewrap(wrapped, tenant, context);
  }

  std::function<void()> after_generate;
  std::function<void()> before_rewrap;  // with one envelope only: it is not guarded
  std::atomic<int> rewraps_left{1'000'000};

 private:
  KeyService& keys_;
};

struct RotationFixture : BuildFixture {
  InterruptedKeys service{keys};
  KeyRoom room{catalog, service, keys, workers};
  MemoryDevice device{{2, 4, 6}};

  Result<BuildReport> build_for(const std::string& tenant, const std::string& name) {
    REQUIRE(keys.prepare_builder().ok());
    Workshop shop{catalog, service, keys, workers, trusted(), "0.1.0", SaltMemory(folder / "salts")};
    return store_image(shop, {device, details, tenant, ImageName::parse(name).value()}, {});
  }
  std::map<std::string, uint64_t> census() { return count_envelopes(catalog, workers, {})->by_key; }
  std::string envelope_text(const Digest& digest) { return text_of(envelope_key("1", digest)); }
};

using Counts = std::map<std::string, uint64_t>;

}  // namespace

TEST_CASE("rotation replaces a tenant's envelopes and nothing else", "[build]") {
  RotationFixture fixture;
  CHECK(rotate_keys(fixture.room, "acme", {}).error().code == Code::kNotFound);
  const Digest web = fixture.build_for("acme", "web")->manifest;
  const Digest tool = fixture.build_for("acme", "tool")->manifest;
  const Digest other = fixture.build_for("zeta", "web")->manifest;
  const std::string manifest = fixture.text_of(manifest_key("1", web));
  const std::string others = fixture.envelope_text(other);
  const std::string before = fixture.envelope_text(tool);
  const Secret trace_key = fixture.open("web")->manifest.trace_key;

  const auto report = rotate_keys(fixture.room, "acme", {});
  REQUIRE(report.ok());
  CHECK(report->key_id == "acme/2");
  CHECK(report->made);
  CHECK(report->replaced == 2);
  CHECK(report->envelopes == 2);
  CHECK(report->stuck.empty());
  CHECK(fixture.census() == Counts{{"acme/2", 2}, {"zeta/1", 1}});
  CHECK(fixture.text_of(manifest_key("1", web)) == manifest);
  CHECK(fixture.envelope_text(other) == others);
  CHECK(fixture.envelope_text(tool) != before);
  const auto opened = fixture.open("web");
  REQUIRE(opened.ok());
  CHECK(opened->manifest.digest == web);
  CHECK(std::ranges::equal(opened->manifest.trace_key.view(), trace_key.view()));
}

TEST_CASE("a rotation that was broken off is finished by the next, which makes no key", "[build]") {
  RotationFixture fixture;
  for (const char* name : {"a", "b", "c", "d"}) REQUIRE(fixture.build_for("acme", name).ok());
  fixture.service.rewraps_left = 2;
  CHECK(rotate_keys(fixture.room, "acme", {}).error().code == Code::kUnreachable);
  CHECK(fixture.census().contains("acme/1"));
  CHECK(fixture.open("a").ok());

  fixture.service.rewraps_left = 1'000'000;
  const auto finished = rotate_keys(fixture.room, "acme", {});
  REQUIRE(finished.ok());
  CHECK(finished->key_id == "acme/2");
  CHECK_FALSE(finished->made);
  CHECK(fixture.census() == Counts{{"acme/2", 4}});
  CHECK(rotate_keys(fixture.room, "acme", {})->key_id == "acme/3");
}

TEST_CASE("an envelope that cannot be replaced is told of and keeps no other from it", "[build]") {
  RotationFixture fixture;
  const Digest web = fixture.build_for("acme", "web")->manifest;
  const Digest bad = fixture.build_for("acme", "bad")->manifest;
  const Digest foreign = fixture.build_for("zeta", "bad")->manifest;
  // An envelope that was exchanged for another's, and a damaged one of somebody else.
  REQUIRE(fixture.put(envelope_key("1", bad), fixture.envelope_text(web)).ok());
  REQUIRE(fixture.put(envelope_key("1", foreign), "damaged").ok());

  const auto report = rotate_keys(fixture.room, "acme", {});
  REQUIRE(report.ok());
  CHECK(report->replaced == 1);
  REQUIRE(report->stuck.size() == 1);
  CHECK(report->stuck[0].place.digest == bad);
  CHECK(report->stuck[0].why.code == Code::kDamaged);
  CHECK(retire_key(fixture.room, "acme/1", {}).error().code == Code::kRefused);

  REQUIRE(fixture.put(envelope_key("1", bad), "damaged").ok());
  CHECK(rotate_keys(fixture.room, "acme", {})->stuck.size() == 1);
  CHECK(retire_key(fixture.room, "acme/1", {}).error().message.find("damaged") != std::string::npos);
  REQUIRE(fixture.remove(envelope_key("1", bad)).ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).ok());
}

TEST_CASE("an envelope that is taken away under a rotation does not come back", "[build]") {
  RotationFixture fixture;
  const Digest web = fixture.build_for("acme", "web")->manifest;
  REQUIRE(fixture.keys.make_next("acme").ok());
  fixture.service.before_rewrap = [&fixture, &web] { REQUIRE(fixture.remove(envelope_key("1", web)).ok()); };
  const auto report = rotate_keys(fixture.room, "acme", {});
  REQUIRE(report.ok());
  CHECK(report->replaced == 0);
  CHECK(fixture.size_of(envelope_key("1", web)).error().code == Code::kNotFound);
}

TEST_CASE("an envelope that somebody else replaced under a rotation stays as he left it", "[build]") {
  RotationFixture fixture;
  const Digest web = fixture.build_for("acme", "web")->manifest;
  REQUIRE(fixture.keys.make_next("acme").ok());
  ThreadPool others{1};
  std::string left;
  fixture.service.before_rewrap = [&fixture, &web, &others, &left] {
    KeyRoom room{fixture.catalog, fixture.keys, fixture.keys, others};
    REQUIRE(rotate_keys(room, "acme", {})->replaced == 1);
    left = fixture.envelope_text(web);
  };
  // Nothing may be replaced after the one that lost.
  fixture.service.rewraps_left = 1;
  CHECK_FALSE(rotate_keys(fixture.room, "acme", {}).ok());
  CHECK_FALSE(left.empty());
  CHECK(fixture.envelope_text(web) == left);
  CHECK(fixture.open("web").ok());
}

TEST_CASE("a key retires when nothing needs it, and stays usable when it does not retire", "[build]") {
  RotationFixture fixture;
  REQUIRE(fixture.build_for("acme", "web").ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).error().code == Code::kRefused);
  CHECK(retire_key(fixture.room, "acme/7", {}).error().code == Code::kNotFound);
  REQUIRE(fixture.keys.make_next("acme").ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).error().code == Code::kRefused);
  CHECK(fixture.open("web").ok());

  // Broken off in the middle, with an image that came meanwhile: it opens again.
  REQUIRE(fixture.keys.change("acme/1", KeyState::kRetiring).ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).error().code == Code::kRefused);
  CHECK(fixture.open("web").ok());

  REQUIRE(rotate_keys(fixture.room, "acme", {}).ok());
  REQUIRE(fixture.keys.change("acme/1", KeyState::kRetiring).ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).ok());
  CHECK(fixture.keys.list()->size() == 1);
  CHECK(fixture.open("web").ok());
}

TEST_CASE("nothing is concluded from an empty store", "[build]") {
  RotationFixture fixture;
  REQUIRE(fixture.keys.create("acme").ok());
  REQUIRE(fixture.keys.make_next("acme").ok());
  CHECK(retire_key(fixture.room, "acme/1", {}).error().code == Code::kNotFound);
  CHECK(rotate_keys(fixture.room, "acme", {}).error().code == Code::kNotFound);
  CHECK(fixture.keys.list()->size() == 2);
}

TEST_CASE("a build whose key retires under it takes the next one", "[build]") {
  RotationFixture fixture;
  REQUIRE(fixture.build_for("acme", "web").ok());
  // After the builder took acme/1 and before his envelope can be seen.
  fixture.service.after_generate = [&fixture] {
    REQUIRE(rotate_keys(fixture.room, "acme", {}).ok());
    REQUIRE(retire_key(fixture.room, "acme/1", {}).ok());
  };
  const auto built = fixture.build_for("acme", "late");
  REQUIRE(built.ok());
  const auto opened = fixture.open("late");
  REQUIRE(opened.ok());
  CHECK(opened->manifest.digest == built->manifest);
}

}  // namespace thaw::rotate_keys_test
