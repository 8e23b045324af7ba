#include "lib/build/store_image.h"

#include "lib/build/verify_image.h"
#include "lib/crypto/hash.h"
#include "lib/manifest/trace.h"
#include "lib/store/names.h"
#include "lib/store/paths.h"
#include "test/lib/build/memory_device.h"

namespace thaw::store_image_test {
namespace {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}

}  // namespace

TEST_CASE("an image is stored once, each distinct chunk of it once", "[build]") {
  BuildFixture fixture;
  MemoryDevice device({1, 2, 0, 1, 3, 0, 0, 2});
  device.leave_out(5);
  const auto first = fixture.build(device, "web:7");
  REQUIRE(first.ok());
  CHECK(first->name == "web:7");
  CHECK(first->root == "1");
  CHECK(first->device_bytes == 8 * kTestChunk);
  CHECK(first->content_bytes == 4711);
  CHECK(first->chunks == 3);
  CHECK(first->zero_chunks == 3);
  CHECK(first->new_chunks == 3);
  CHECK(first->reused_chunks == 0);
  uint64_t bytes = 0;
  const auto chunks = fixture.stored_chunks();
  for (const ListedObject& chunk : chunks) bytes += chunk.size;
  CHECK(chunks.size() == 3);
  CHECK(first->new_bytes == bytes);

  const auto second = fixture.build(device, "other");
  REQUIRE(second.ok());
  CHECK(second->new_chunks == 0);
  CHECK(second->new_bytes == 0);
  CHECK(second->reused_chunks == 3);
  CHECK(second->manifest != first->manifest);
  CHECK(fixture.build(MemoryDevice({4, 2}), "third")->new_chunks == 1);

  const auto opened = fixture.open("web:7");
  REQUIRE(opened.ok());
  CHECK(opened->manifest.digest == first->manifest);
  CHECK(opened->manifest.clear.chunks.size() == 5);
  CHECK(opened->manifest.details.content_bytes == 4711);
  const auto order = fixture.catalog.read(path_order_key("1", first->manifest), kMaxPathOrderBytes);
  REQUIRE(order.ok());
  CHECK(open_path_order(order->bytes.view(), first->manifest, opened->manifest.trace_key)->chunks ==
        device.shape().path_order);
}

TEST_CASE("a private tenant shares chunks with itself alone", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({1, 2, 3});
  CHECK(fixture.build_for("zeta", device, Isolation::kShared)->new_chunks == 3);
  CHECK(fixture.build_for("acme", device, Isolation::kPrivate)->new_chunks == 3);
  CHECK(fixture.build_for("acme", device, Isolation::kPrivate)->new_chunks == 0);
  CHECK(fixture.build_for("next", device, Isolation::kPrivate)->new_chunks == 3);
  CHECK(fixture.build_for("other", device, Isolation::kShared)->new_chunks == 0);
  const auto opened = fixture.open("web");
  REQUIRE(opened.ok());
  CHECK(verify_image(opened.value(), fixture.catalog.store(), {})->bad.empty());
}

TEST_CASE("a rebuild heals chunks of a wrong length, and damaged ones when asked", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4, 6});
  REQUIRE(fixture.build(device, "web").ok());
  const auto chunks = fixture.stored_chunks();
  REQUIRE(chunks.size() == 3);
  const std::string torn = fixture.path + "/" + chunks[0].key;
  const std::string empty = fixture.path + "/" + chunks[1].key;
  const std::string flipped = fixture.path + "/" + chunks[2].key;
  std::filesystem::resize_file(torn, 100);
  write_text(empty, "");
  std::string bytes = fixture.text_of(chunks[2].key);
  bytes[77] = static_cast<char>(bytes[77] ^ 1);
  write_text(flipped, bytes);

  CHECK(fixture.build(device, "web")->new_chunks == 2);
  CHECK(std::filesystem::file_size(torn) == kTestChunk);
  CHECK(std::filesystem::file_size(empty) == kTestChunk);
  CHECK(fixture.text_of(chunks[2].key) == bytes);

  UploadOptions verify;
  verify.existing = Existing::kVerify;
  CHECK(fixture.build(device, "web", verify)->new_chunks == 1);
  for (const ListedObject& chunk : chunks) {
    CHECK(chunk.key.ends_with(sha256(as_bytes(fixture.text_of(chunk.key))).hex()));
  }
  CHECK(fixture.build(device, "web", verify)->new_chunks == 0);
}

TEST_CASE("a build that fails half-way names nothing and is simply run again", "[build]") {
  BuildFixture fixture;
  MemoryDevice device({2, 4, 6, 8, 10, 12});
  device.fail_at = 4;
  const auto failed = fixture.build(device, "web");
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message == "the spool is broken");
  CHECK(fixture.open("web").error().code == Code::kNotFound);
  ListOptions manifests;
  manifests.prefix = "roots/1/manifests/";
  CHECK(fixture.list(manifests)->empty());
  CHECK(fixture.temporary_files() == 0);

  device.fail_at = UINT32_MAX;
  const auto built = fixture.build(device, "web");
  REQUIRE(built.ok());
  CHECK(built->chunks == 6);
  CHECK(fixture.open("web").ok());
}

TEST_CASE("a store that goes away during a build is unreachable, and nothing is named", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4});
  REQUIRE(fixture.build(device, "web").ok());
  std::filesystem::rename(fixture.path, fixture.path + ".away");
  CHECK(fixture.build(device, "next").error().code == Code::kUnreachable);
  std::filesystem::rename(fixture.path + ".away", fixture.path);
  CHECK(fixture.open("next").error().code == Code::kNotFound);
}

TEST_CASE("an image whose root was retired under the build goes into the active one", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4});
  REQUIRE(fixture.build(device, "web").ok());
  const Root first = fixture.catalog.read_root("1").value();
  UploadOptions options;
  // Retired after the build has chosen it and before it has looked again.
  options.progress = [&](const Progress&) {
    Root retired = first;
    retired.state = RootState::kRetired;
    REQUIRE(fixture.put(root_key("1"), write_root_document(retired)).ok());
    REQUIRE(
        fixture.put(root_key("2"), write_root_document({"2", RootState::kActive, first.salt_id, 2})).ok());
  };
  const auto built = fixture.build(device, "moved", options);
  REQUIRE(built.ok());
  CHECK(built->root == "2");
  CHECK(built->new_chunks == 2);
  CHECK(fixture.open("moved")->root == "2");
  CHECK(fixture.open("web")->root == "1");
}

TEST_CASE("builders at once into an empty store all end with images that open", "[build]") {
  BuildFixture fixture;
  REQUIRE(fixture.keys.prepare_builder().ok());
  constexpr size_t kBuilders = 4;
  std::vector<std::optional<Result<BuildReport>>> reports(kBuilders);
  std::vector<std::thread> builders;
  const MemoryDevice device({2, 4, 6, 8, 2});
  const TrustedBuilders trusted = fixture.trusted();
  for (size_t i = 0; i < kBuilders; ++i) {
    builders.emplace_back([&, i] {
      Catalog catalog(fixture.store);
      Workshop shop{catalog,
                    fixture.keys,
                    fixture.keys,
                    fixture.workers,
                    trusted,
                    "0.1.0",
                    SaltMemory(fixture.folder / "salts")};
      const ImageName name{"web" + std::to_string(i), "latest", {}};
      reports[i] = store_image(shop, {device, fixture.details, "acme", name}, {});
    });
  }
  for (std::thread& builder : builders) builder.join();
  uint64_t stored = 0;
  for (size_t i = 0; i < kBuilders; ++i) {
    REQUIRE(reports[i]->ok());
    stored += reports[i]->value().new_chunks;
    CHECK(fixture.open("web" + std::to_string(i)).ok());
  }
  CHECK(stored == 4);
  CHECK(fixture.stored_chunks().size() == 4);
}

TEST_CASE("wrong names and tenants are refused before anything is made", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2});
  Workshop shop{fixture.catalog,
                fixture.keys,
                fixture.keys,
                fixture.workers,
                {},
                "0.1.0",
                SaltMemory(fixture.folder / "salts")};
  const auto code = [&](const std::string& tenant, const ImageName& name) {
    return store_image(shop, {device, fixture.details, tenant, name}, {}).error().code;
  };
  CHECK(code("Acme", {"web", "latest", {}}) == Code::kUsage);
  CHECK(code("acme", {"web/", "latest", {}}) == Code::kUsage);
  CHECK(code("acme", {"web", "..", {}}) == Code::kUsage);
  CHECK(code("acme", {"web", "latest", Digest{}}) == Code::kUsage);
  CHECK(fixture.list({})->empty());
}

}  // namespace thaw::store_image_test
