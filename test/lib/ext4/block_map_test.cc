#include "lib/ext4/block_map.h"

#include <catch2/catch.hpp>
#include <random>

#include "test/resource_limit.h"

namespace thaw::block_map_test {
namespace {

constexpr uint64_t kDevice = 64 * kBlockSize;

Spool make_spool() { return Spool::create("/var/tmp").value(); }

}  // namespace

TEST_CASE("a block map reads as what was written last, while it is filled and after", "[block_map]") {
  Spool spool = make_spool();
  BlockMap map(spool);
  Bytes wanted(kDevice, 0);
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const uint64_t offset = random() % kDevice;
    const auto length = static_cast<size_t>(std::min(random() % (3 * kBlockSize), kDevice - offset));
    const Bytes bytes(length, static_cast<uint8_t>(random() % 3));
    REQUIRE(map.write(offset, bytes).ok());
    std::copy(bytes.begin(), bytes.end(), wanted.begin() + static_cast<ptrdiff_t>(offset));
    Bytes got(kBlockSize, 0xEE);
    const uint64_t at = random() % (kDevice - kBlockSize);
    REQUIRE(map.read(at, got).ok());
    REQUIRE(std::equal(got.begin(), got.end(), wanted.begin() + static_cast<ptrdiff_t>(at)));
  }
  REQUIRE(map.finish().ok());
  Bytes all(kDevice, 0xEE);
  REQUIRE(map.read(0, all).ok());
  CHECK(all == wanted);
  CHECK(spool.size() == map.blocks().size() * kBlockSize);
}

TEST_CASE("blocks of zeros take no room", "[block_map]") {
  Spool spool = make_spool();
  BlockMap map(spool);
  REQUIRE(map.write(0, Bytes(4 * kBlockSize, 0)).ok());
  REQUIRE(map.write(9 * kBlockSize + 5, Bytes{1}).ok());
  REQUIRE(map.finish().ok());
  REQUIRE(map.blocks().size() == 1);
  CHECK(map.blocks().begin()->first == 9);
  CHECK(spool.size() == kBlockSize);
}

TEST_CASE("a spool that is full is an error that stays", "[block_map]") {
  Spool spool = make_spool();
  BlockMap map(spool);
  {
    const ResourceLimit limit(RLIMIT_FSIZE, 2 * kBlockSize);  // as a full disk
    Status written;
    for (uint64_t block = 0; block < 4 && written.ok(); ++block) {
      written = map.write(block * kBlockSize, Bytes(kBlockSize, 1));
    }
    CHECK(!written.ok());
  }
  // That there is room again does not make it forgotten.
  static_cast<void>(map.write(0, Bytes(kBlockSize, 2)));
  static_cast<void>(map.write(kBlockSize, Bytes(kBlockSize, 2)));
  REQUIRE(!map.failure().ok());
  CHECK(map.failure().error().message.find("spool folder") != std::string::npos);
}

}  // namespace thaw::block_map_test
