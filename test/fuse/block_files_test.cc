#include "fuse/block_files.h"

#include <catch2/catch.hpp>
#include <set>

namespace thaw::block_files_test {

TEST_CASE("an inode number depends on the name alone") {
  // A worker of another version answers for files that this one opened: the numbers are fixed for ever.
  CHECK(inode_of("a") == 0x2f63dc4c8601ec8e);
  CHECK(inode_of("b") != inode_of("a"));
}

TEST_CASE("inode numbers keep clear of the folder's own and fit readdir's offsets") {
  std::set<uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t inode = inode_of("image-" + std::to_string(i));
    CHECK(inode >= 16);
    CHECK(inode < uint64_t{1} << 62);
    CHECK(seen.insert(inode).second);
  }
}

}  // namespace thaw::block_files_test
