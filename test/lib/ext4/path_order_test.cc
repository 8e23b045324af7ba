#include "lib/ext4/path_order.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "lib/ext4/device.h"
#include "test/lib/ext4/sample_tree.h"

namespace thaw::path_order_test {

TEST_CASE("the path order names the chunks of neighbouring paths side by side, each once") {
  SampleTree sample;
  sample.folder("a");
  sample.folder("b");
  sample.file("a/1", noise(1, 600000));
  sample.file("a/2", noise(2, 600000));
  sample.file("b/1", noise(3, 600000));
  const Device device = lay_out(sample.tree(), sample.spool(), {}).value();
  std::vector<uint64_t> listed(device.path_order().begin(), device.path_order().end());
  std::vector<uint64_t> data;
  for (const uint64_t chunk : listed) {
    if (device.metadata().blocks().lower_bound(chunk * 128) == device.metadata().blocks().end() ||
        device.metadata().blocks().lower_bound(chunk * 128)->first >= (chunk + 1) * 128) {
      data.push_back(chunk);
    }
  }
  // Two chunks a file, one after the other on the device, the files in the order of their paths.
  REQUIRE(data.size() == 6);
  for (size_t i = 0; i < 6; i += 2) CHECK(data[i + 1] == data[i] + 1);
  Bytes chunk(device.chunk_bytes());
  for (size_t i = 0; i < 3; ++i) {
    REQUIRE(device.read_chunk(data[2 * i], chunk).ok());
    CHECK(as_text(ByteView(chunk).first(100)) == noise(i + 1, 600000).substr(0, 100));
  }
  std::ranges::sort(listed);
  CHECK(std::ranges::adjacent_find(listed) == listed.end());
  CHECK(std::ranges::includes(device.chunks(), listed));
}

}  // namespace thaw::path_order_test
