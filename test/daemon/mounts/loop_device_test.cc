// Real loop devices: needs root.
#include "daemon/mounts/loop_device.h"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "test/temporary_folder.h"

namespace thaw::loop_device_test {
namespace {

std::string make_file(const TemporaryFolder& folder, const std::string& name) {
  const std::string path = folder / name;
  std::ofstream(path).put(' ');
  std::filesystem::resize_file(path, 1 << 20);
  return path;
}

std::vector<std::string> files_below(const TemporaryFolder& folder) {
  std::vector<std::string> files;
  for (const LoopDevice& loop : loops_below(folder.path())) files.push_back(loop.file);
  return files;
}

}  // namespace

TEST_CASE("a loop device that is held cannot become another's", "[loop]") {
  const TemporaryFolder folder;
  const std::string file = make_file(folder, "one");
  auto attached = attach_loop(file, 128);
  REQUIRE(attached.ok());
  const LoopDevice loop = attached->loop;
  CHECK(files_below(folder) == std::vector<std::string>{file});

  auto held = hold_loop(loop);
  REQUIRE((held.ok() && held.value()));
  attached->hold.reset();
  REQUIRE(detach_loop(loop).ok());
  const auto other = attach_loop(make_file(folder, "two"), 128);
  REQUIRE(other.ok());
  CHECK(other->loop.path != loop.path);
  held.value().reset();
  CHECK(await_detached(loop).ok());
  CHECK_FALSE(hold_loop(loop).value());
  CHECK(detach_loop(loop).ok());
}

}  // namespace thaw::loop_device_test
