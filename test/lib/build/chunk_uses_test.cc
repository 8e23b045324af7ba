#include "lib/build/chunk_uses.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "test/temporary_folder.h"

namespace thaw::chunk_uses_test {

TEST_CASE("uses of chunks are remembered, an image's once", "[build]") {
  const TemporaryFolder folder;
  const std::string file = folder / "sub/uses";
  REQUIRE(ChunkUses::read(file).ok());
  CHECK(ChunkUses::read(file)->images_of(7) == 0);
  REQUIRE(ChunkUses::remember(file, {9, 7, 7}, 0b1).ok());
  REQUIRE(ChunkUses::remember(file, {8, 9}, 0b100).ok());
  REQUIRE(ChunkUses::remember(file, {8, 9}, 0b100).ok());
  const auto uses = ChunkUses::read(file);
  REQUIRE(uses.ok());
  CHECK(uses->images_of(6) == 0);
  CHECK(uses->images_of(7) == 0b1);
  CHECK(uses->images_of(8) == 0b100);
  CHECK(uses->images_of(9) == 0b101);
  CHECK(uses->images_of(10) == 0);
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("what fewest images use is forgotten when there is too much", "[build]") {
  const TemporaryFolder folder;
  const std::string file = folder / "uses";
  REQUIRE(ChunkUses::remember(file, {1, 2, 3, 4}, 0b1, 4).ok());
  REQUIRE(ChunkUses::remember(file, {2, 4, 5, 6}, 0b10, 4).ok());
  const auto uses = ChunkUses::read(file);
  REQUIRE(uses.ok());
  CHECK(uses->images_of(2) == 0b11);
  CHECK(uses->images_of(4) == 0b11);
  // Of the others, which one image each uses, two.
  int left = 0;
  for (const ChunkUses::Tag tag : {1, 3, 5, 6}) left += uses->images_of(tag) != 0 ? 1 : 0;
  CHECK(left == 2);
}

TEST_CASE("a damaged file of uses is named, and a longer one not read", "[build]") {
  const TemporaryFolder folder;
  const std::string file = folder / "uses";
  REQUIRE(ChunkUses::remember(file, {1, 2, 3}, 1).ok());
  const auto size = std::filesystem::file_size(file);
  for (std::uintmax_t at = 0; at < size; ++at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const auto was = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(was ^ 0x10)).flush();
    INFO("byte " << at);
    const auto spoilt = ChunkUses::read(file);
    REQUIRE(!spoilt.ok());
    CHECK(spoilt.error().code == Code::kDamaged);
    CHECK(spoilt.error().message.find(file) != std::string::npos);
    bytes.seekp(static_cast<std::streamoff>(at)).put(was).flush();
  }
  CHECK(ChunkUses::read(file).ok());
  std::filesystem::resize_file(file, size - 1);
  CHECK(!ChunkUses::read(file).ok());
}

TEST_CASE("the bits of images tell their number, not above some hundred", "[build]") {
  CHECK(images_counted(0) == 0);
  CHECK(images_counted(0b1) == 1);
  CHECK(images_counted(0b1011) == 3);
  uint64_t before = 0;
  for (int bits = 1; bits <= 64; ++bits) {
    const uint64_t count = images_counted(bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1);
    CHECK(count >= static_cast<uint64_t>(bits));
    CHECK(count >= before);
    before = count;
  }
  CHECK(before > 200);
}

}  // namespace thaw::chunk_uses_test
