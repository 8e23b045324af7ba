#include "lib/build/known_chunks.h"

#include <catch2/catch.hpp>

#include <filesystem>

#include "lib/build/verify_image.h"
#include "lib/crypto/hash.h"
#include "test/lib/build/memory_device.h"

namespace thaw::known_chunks_test {
namespace {

struct KnownFixture : BuildFixture {
  std::string file = folder / "known" + "/store.1";

  Result<BuildReport> build_knowing(const DeviceSource& device, const std::string& name) {
    UploadOptions options;
    options.existing = Existing::kTrustMemory;
    return build(device, name, options);
  }
  // As if it was built of another image.
  Result<BuildReport> build_another(const DeviceSource& device, const std::string& name) {
    ++details.source.bytes[0];
    return build_knowing(device, name);
  }
  void forget() { std::filesystem::remove_all(folder / "known"); }
  bool is_whole(const std::string& name) {
    return verify_image(open(name).value(), catalog.store(), {})->bad.empty();
  }
};

std::vector<ManifestChunk> chunks_of(unsigned first, unsigned count) {
  std::vector<ManifestChunk> chunks;
  for (unsigned i = 0; i < count; ++i) {
    chunks.push_back({i, 4096, sha256(as_bytes(std::to_string(first + i)))});
  }
  return chunks;
}

bool knows(const KnownChunks& known, const std::vector<ManifestChunk>& chunks) {
  return std::ranges::all_of(chunks, [&](const ManifestChunk& chunk) { return known.contains(chunk.id); });
}

std::vector<unsigned> numbers(unsigned count) {
  std::vector<unsigned> all;
  for (unsigned i = 1; i <= count; ++i) all.push_back(i);
  return all;
}

}  // namespace

TEST_CASE("what is remembered is known again, within a limit", "[known]") {
  KnownFixture fixture;
  CHECK(KnownChunks::read(fixture.file).size() == 0);
  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(0, 100)).ok());
  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(50, 100)).ok());
  const KnownChunks known = KnownChunks::read(fixture.file);
  CHECK(known.size() == 150);
  CHECK(knows(known, chunks_of(0, 150)));
  CHECK_FALSE(known.contains(chunks_of(150, 1)[0].id));

  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(200, 60), 80).ok());
  const KnownChunks fewer = KnownChunks::read(fixture.file);
  CHECK(fewer.size() == 80);
  CHECK(knows(fewer, chunks_of(200, 60)));
}

TEST_CASE("a damaged memory of chunks knows nothing, and is made anew", "[known]") {
  KnownFixture fixture;
  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(0, 10)).ok());
  const auto size = std::filesystem::file_size(fixture.file);
  const auto at = GENERATE(0, 9, 13, 200, 340);
  SECTION("altered") { std::fstream(fixture.file, std::ios::in | std::ios::out).seekp(at).put('\x7e'); }
  SECTION("cut") { std::filesystem::resize_file(fixture.file, static_cast<uintmax_t>(at)); }
  SECTION("longer") { std::filesystem::resize_file(fixture.file, size + 1); }
  CHECK(KnownChunks::read(fixture.file).size() == 0);
  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(0, 3)).ok());
  CHECK(KnownChunks::read(fixture.file).size() == 3);
}

TEST_CASE("of many stores and roots the last ones are remembered", "[known]") {
  KnownFixture fixture;
  for (size_t i = 0; i < kMaxKnownFiles + 5; ++i) {
    const std::string file = fixture.folder / "known" + "/store." + std::to_string(i);
    REQUIRE(KnownChunks::remember(file, chunks_of(0, 1)).ok());
    const auto time = std::filesystem::file_time_type::clock::now() - std::chrono::hours(100 - i);
    std::filesystem::last_write_time(file, time);
  }
  REQUIRE(KnownChunks::remember(fixture.file, chunks_of(0, 1)).ok());
  CHECK(KnownChunks::read(fixture.file).size() == 1);
  CHECK(KnownChunks::read(fixture.folder / "known" + "/store.0").size() == 0);
  const std::filesystem::directory_iterator left(fixture.folder / "known");
  CHECK(std::distance(begin(left), end(left)) == kMaxKnownFiles);
}

TEST_CASE("the store is asked about a sample of what is known", "[known]") {
  KnownFixture fixture;
  const MemoryDevice device(numbers(100));
  CHECK(fixture.build_knowing(device, "web")->unasked_chunks == 0);
  constexpr uint64_t kUnasked = 100 - (100 + kKnownToAsked - 1) / kKnownToAsked;
  SECTION("from this builder's memory") {
    const auto other = fixture.build_knowing(device, "other");
    REQUIRE(other.ok());
    CHECK(other->unasked_chunks == kUnasked);
    CHECK(other->reused_chunks == 100);
  }
  SECTION("from the name's previous image") {
    fixture.forget();
    const auto next = fixture.build_another(device, "web");
    REQUIRE(next.ok());
    CHECK(next->unasked_chunks == kUnasked);
  }
  SECTION("but about each for who trusts lengths") {
    CHECK(fixture.build(device, "other")->unasked_chunks == 0);
  }
}

TEST_CASE("a store that lost what was known is asked about all", "[known]") {
  KnownFixture fixture;
  const MemoryDevice device(numbers(100));
  REQUIRE(fixture.build_knowing(device, "web").ok());
  for (const ListedObject& chunk : fixture.stored_chunks()) {
    std::filesystem::remove(fixture.path + "/" + chunk.key);
  }
  const auto next = fixture.build_another(device, "web");
  REQUIRE(next.ok());
  CHECK(next->unasked_chunks == 0);
  CHECK(next->chunks == 100);
  CHECK(next->new_chunks == 100);
  CHECK(fixture.is_whole("web"));
}

TEST_CASE("who builds the same image again heals it, whatever is remembered", "[known]") {
  KnownFixture fixture;
  const MemoryDevice device(numbers(100));
  REQUIRE(fixture.build_knowing(device, "web").ok());
  std::filesystem::remove(fixture.path + "/" + fixture.stored_chunks()[50].key);
  const auto again = fixture.build_knowing(device, "web");
  REQUIRE(again.ok());
  CHECK(again->new_chunks == 1);
  CHECK(fixture.is_whole("web"));
}

}  // namespace thaw::known_chunks_test
