#include "lib/build/export_image.h"

#include <sys/stat.h>

#include "lib/crypto/hash.h"
#include "test/lib/build/memory_device.h"

namespace thaw::export_image_test {

TEST_CASE("an export is the device, byte for byte, and sparse", "[build]") {
  BuildFixture fixture;
  std::vector<unsigned> contents(100, 0);
  contents[0] = 2;
  contents[1] = 3;
  for (unsigned i = 40; i < 90; ++i) contents[i] = i;
  const MemoryDevice device(contents);
  REQUIRE(fixture.build(device, "web").ok());
  const OpenedImage image = fixture.open("web").value();
  const std::string path = fixture.folder / "device";
  const auto report = export_image(image, fixture.store, path, {});
  REQUIRE(report.ok());
  CHECK(report->bytes == device.bytes().size());
  CHECK(report->sha256 == sha256(device.bytes()));
  const auto written = read_file(path, uint64_t{1} << 30);
  REQUIRE(written.ok());
  CHECK(sha256(written->view()) == sha256(device.bytes()));
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  CHECK(static_cast<uint64_t>(info.st_blocks) * 512 < device.bytes().size() * 3 / 4);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("an export has no name before it is whole, and then takes the old one's", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4, 6});
  REQUIRE(fixture.build(device, "web").ok());
  const OpenedImage image = fixture.open("web").value();
  const std::string place = fixture.folder / "out";
  std::filesystem::create_directory(place);
  const auto nothing_yet = [&](const Progress&) { CHECK(std::filesystem::is_empty(place)); };
  REQUIRE(export_image(image, fixture.store, place + "/device", nothing_yet).ok());
  REQUIRE(export_image(image, fixture.store, place + "/device", {}).ok());
  const std::filesystem::directory_iterator files(place);
  CHECK(std::distance(begin(files), end(files)) == 1);
}

TEST_CASE("an export with a damaged chunk fails and leaves no file", "[build]") {
  BuildFixture fixture;
  const MemoryDevice device({2, 4, 6});
  REQUIRE(fixture.build(device, "web").ok());
  const OpenedImage image = fixture.open("web").value();
  REQUIRE(fixture.put(chunk_key("1", image.manifest.clear.chunks[1].id), "x").ok());
  const std::string place = fixture.folder / "out";
  std::filesystem::create_directory(place);
  CHECK(export_image(image, fixture.store, place + "/device", {}).error().code == Code::kDamaged);
  CHECK(std::filesystem::is_empty(place));
  CHECK_FALSE(export_image(image, fixture.store, place + "/none/device", {}).ok());
}

}  // namespace thaw::export_image_test
