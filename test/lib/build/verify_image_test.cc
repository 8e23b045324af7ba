#include "lib/build/verify_image.h"

#include "test/lib/build/memory_device.h"

namespace thaw::verify_image_test {

TEST_CASE("verification counts right chunks and names bad ones", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4, 0, 3, 2, 6, 8});
  const auto built = fixture.build(device, "web");
  REQUIRE(built.ok());
  const OpenedImage image = fixture.open("web").value();
  Progress last;
  auto report = verify_image(image, fixture.store, [&last](const Progress& progress) { last = progress; });
  REQUIRE(report.ok());
  CHECK(report->chunks == 5);
  CHECK(report->bytes == built->new_bytes);
  CHECK(report->bad.empty());
  CHECK(last.done == 5);
  CHECK(last.total == 5);

  const auto& chunks = image.manifest.clear.chunks;
  std::string flipped = fixture.text_of(chunk_key("1", chunks[1].id));
  flipped[0] = static_cast<char>(flipped[0] ^ 0x80);
  REQUIRE(fixture.put(chunk_key("1", chunks[1].id), flipped).ok());
  REQUIRE(fixture.remove(chunk_key("1", chunks[2].id)).ok());
  REQUIRE(fixture.put(chunk_key("1", chunks[4].id), "").ok());
  report = verify_image(image, fixture.store, {});
  REQUIRE(report.ok());
  REQUIRE(report->bad.size() == 3);
  CHECK(report->bad[0].id == chunks[1].id);
  CHECK(report->bad[0].index == 1);
  CHECK(report->bad[1].id == chunks[2].id);
  CHECK(report->bad[1].index == 3);
  CHECK(report->bad[2].index == 5);

  // Another root that has the chunk makes it good again.
  const Root root = fixture.catalog.read_root("1").value();
  REQUIRE(fixture.put(root_key("2"), write_root_document({"2", RootState::kActive, root.salt_id, 2})).ok());
  REQUIRE(fixture.build(device, "web").ok());
  OpenedImage moved = fixture.open("web").value();
  CHECK(verify_image(moved, fixture.store, {})->bad.empty());
  moved.roots = {"1", "2"};
  CHECK(verify_image(moved, fixture.store, {})->bad.empty());

  std::filesystem::rename(fixture.path, fixture.path + ".away");
  CHECK(verify_image(image, fixture.store, {}).error().code == Code::kUnreachable);
}

}  // namespace thaw::verify_image_test
