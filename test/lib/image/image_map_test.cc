#include "lib/image/image_map.h"

#include <catch2/catch.hpp>

#include "test/fakes/sample_image.h"

namespace thaw::image_map_test {
namespace {

ImageMap small_map() {
  ImageMap map;
  map.device_size = 10 * 8192;
  map.chunk_size = 8192;
  for (const uint32_t index : {1U, 4U, 9U}) map.entries.push_back({index, {ChunkId{}, 4096}});
  map.keys = KeyTable::create(3).value();
  return map;
}

}  // namespace

TEST_CASE("chunks are found by their place on the device", "[image_map]") {
  const ImageMap map = small_map();
  CHECK(check(map).ok());
  CHECK(map.first_at_or_after(0) == 0);
  CHECK(map.first_at_or_after(1) == 0);
  CHECK(map.first_at_or_after(2) == 1);
  CHECK(map.first_at_or_after(9) == 2);
  CHECK(map.first_at_or_after(10) == 3);
  CHECK(check(*sample_image(20, 16384, 1, 100).map).ok());
}

TEST_CASE("a map that breaks its promises is refused", "[image_map]") {
  ImageMap map = small_map();
  SECTION("no chunk size") { map.chunk_size = 0; }
  SECTION("too few keys") { map.keys = KeyTable::create(2).value(); }
  SECTION("out of order") { map.entries[1].index = 9; }
  SECTION("twice the same place") { map.entries[1].index = 1; }
  SECTION("beyond the device") { map.entries[2].index = 10; }
  SECTION("empty chunk") { map.entries[0].ref.stored_length = 0; }
  SECTION("longer than a chunk") { map.entries[0].ref.stored_length = 8193; }
  CHECK(check(map).error().code == Code::kDamaged);
}

}  // namespace thaw::image_map_test
