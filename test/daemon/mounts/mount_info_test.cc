#include "daemon/mounts/mount_info.h"

#include <catch2/catch.hpp>

namespace thaw::mount_info_test {

TEST_CASE("mountinfo lines are read, with and without tags, and with escapes") {
  const auto mounts = parse_mount_info(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n"
      "45 27 7:0 / /with\\040blank\\134 ro - ext4 /dev/loop0 ro\n"
      "46 27 0:40 / /run/thaw/fuse ro shared:1 - fuse.thaw thaw ro,max_read=1048576\n");
  REQUIRE(mounts.size() == 3);
  CHECK(mounts[0].device == "98:0");
  CHECK(mounts[0].root == "/mnt1");
  CHECK(mounts[0].mountpoint == "/mnt2");
  CHECK(mounts[0].type == "ext3");
  CHECK(mounts[0].source == "/dev/root");
  CHECK(mounts[0].options == "rw,errors=continue");
  CHECK(mounts[1].mountpoint == "/with blank\\");
  CHECK(mounts[2].type == "fuse.thaw");
}

TEST_CASE("lines that are no mounts are left out") {
  CHECK(parse_mount_info("").empty());
  CHECK(parse_mount_info("\n\n").empty());
  CHECK(parse_mount_info("1 2 3:4 / /x rw - ext4\n").empty());
  CHECK(parse_mount_info("1 2 3:4 / /x rw ext4 a b").empty());
  CHECK(parse_mount_info("- - - - -").empty());
}

TEST_CASE("of several mounts on one folder the last is seen") {
  const auto mounts = parse_mount_info("1 0 7:0 / /a rw - ext4 x rw\n2 1 7:1 / /a rw - ext4 y rw\n");
  REQUIRE(mounted_on(mounts, "/a") != nullptr);
  CHECK(mounted_on(mounts, "/a")->source == "y");
  CHECK(mounted_on(mounts, "/b") == nullptr);
}

TEST_CASE("this process has mounts") {
  const auto mounts = read_mount_info();
  REQUIRE(mounts.ok());
  CHECK(mounted_on(mounts.value(), "/") != nullptr);
  CHECK(read_mount_info("0").error().code == Code::kNotFound);
}

}  // namespace thaw::mount_info_test
