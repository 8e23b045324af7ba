#include "lib/ext4/device.h"

#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"
#include "lib/ext4/filesystem_writer.h"
#include "lib/ext4/geometry.h"
#include "test/lib/ext4/mounted.h"
#include "test/lib/ext4/sample_tree.h"

namespace thaw::device_test {
namespace {

Device device_of(SampleTree& sample) {
  sample.tree().count_links();
  auto device = lay_out(sample.tree(), sample.spool(), LayoutOptions{});
  if (!device.ok()) FAIL(device.error().message);
  return std::move(device).value();
}

std::string failure_of(SampleTree& sample) {
  sample.tree().count_links();
  const auto device = lay_out(sample.tree(), sample.spool(), LayoutOptions{});
  return device.ok() ? "no failure" : device.error().message;
}

// The digest of all chunks and where they lie.
Digest digest_of(const Device& device) {
  Sha256 hash;
  Buffer chunk(device.chunk_bytes());
  for (const uint64_t index : device.chunks()) {
    REQUIRE(device.read_chunk(index, chunk.mutable_view()).ok());
    hash.update(as_bytes(std::to_string(index)));
    hash.update(chunk.view());
  }
  return hash.finish();
}

// e2fsck is clean and every file is as the tree says.
void check_whole(SampleTree& sample) {
  const Device device = device_of(sample);
  const Exported exported(device);
  const auto check = exported.check();
  INFO(check.output);
  REQUIRE(check.status == 0);
  if (!can_mount()) {
    WARN("not root: the filesystem is checked and not mounted");
    return;
  }
  const Mounted mounted(exported);
  for (const std::string& difference : mounted.differences(sample.tree(), sample.spool())) {
    FAIL_CHECK(difference);
  }
}

TEST_CASE("an empty tree is a clean filesystem without lost+found") {
  SampleTree sample;
  check_whole(sample);
  CHECK(device_of(sample).device_bytes() == 1 * kGiB);
}

TEST_CASE("files of all kinds") {
  SampleTree sample;
  sample.folder("etc");
  sample.folder("etc/empty");
  sample.folder("dev");
  sample.folder("lost+found");
  sample.file("etc/empty file", "");
  sample.file("etc/one", "1");
  sample.file("etc/zeros", std::string(70000, '\0'));
  for (const size_t size : {4095U, 4096U, 4097U, 131071U, 131072U, 524287U, 524288U, 524289U, 3000000U}) {
    sample.file("etc/size" + std::to_string(size), noise(size, size));
  }
  sample.link("etc/fast", std::string(59, 'f'));
  sample.link("etc/slow", std::string(60, 's'));
  sample.link("etc/slowest", std::string(4095, 't'));
  sample.special("dev/null", FileType::kCharDevice, 1, 3);
  sample.special("dev/big", FileType::kCharDevice, 4095, 1048575);
  sample.special("dev/edge", FileType::kBlockDevice, 255, 255);
  sample.special("dev/beyond", FileType::kBlockDevice, 8, 256);
  sample.special("dev/fifo", FileType::kFifo, 0, 0);
  sample.special("dev/socket", FileType::kSocket, 0, 0);
  sample.at(sample.file("etc/setuid", "x")).permissions = 04755;
  sample.at(sample.folder("etc/sticky")).permissions = 03777;
  Inode& owned = sample.at(sample.file("etc/owned", "y"));
  owned.uid = 4000000000U;
  owned.gid = 70000;
  const InodeIndex shared = sample.file("etc/shared", "links");
  sample.hard_link("dev/shared", shared);
  sample.hard_link("etc/a name before", shared);
  check_whole(sample);
}

TEST_CASE("times before 1970 and far after 2038, to the nanosecond") {
  SampleTree sample;
  int number = 0;
  for (const int64_t seconds : {int64_t{-2147483648}, int64_t{-1}, int64_t{0}, int64_t{2147483647},
                                int64_t{2147483648}, int64_t{4294967296}, int64_t{15032385535}}) {
    sample.at(sample.file("t" + std::to_string(number++), "t")).mtime = {seconds, 999999999};
  }
  check_whole(sample);
}

TEST_CASE("extended attributes in the inode and in a block of their own") {
  SampleTree sample;
  Inode& small = sample.at(sample.file("capable", "c"));
  small.xattrs["security.capability"] =
      std::string("\x01\x00\x00\x02\x00\x20\x00\x00\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  Inode& many = sample.at(sample.file("many", "m"));
  for (int i = 0; i < 40; ++i)
    many.xattrs["user." + std::string(static_cast<size_t>(1 + i % 13), 'n') + std::to_string(i)] =
        noise(7, 30);
  many.xattrs["trusted.t"] = "";
  many.xattrs["user.name"] = std::string(200, 'v');
  Inode& large = sample.at(sample.folder("large"));
  large.xattrs["user.large"] = noise(3, 3900);
  // Version 2; user, named user, group, mask, other: tag, permissions, id, as getxattr gives them.
  const std::string acl(
      "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x04\0\xe8\x03\0\0\x04\0\x04\0\xff\xff\xff\xff"
      "\x10\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff",
      44);
  Inode& listed = sample.at(sample.file("listed", "l"));
  listed.permissions = 0644;
  listed.xattrs["system.posix_acl_access"] = acl;
  Inode& folder = sample.at(sample.folder("folder"));
  folder.xattrs["system.posix_acl_default"] = acl;
  folder.xattrs["user.x"] = std::string(100, 'x');
  sample.at(sample.link("link", "capable")).xattrs["trusted.link"] = "l";
  sample.at(sample.special("device", FileType::kCharDevice, 1, 3)).xattrs["trusted.device"] =
      std::string(500, 'd');
  check_whole(sample);
}

TEST_CASE("attributes that ext4 cannot hold are refused with the path") {
  SampleTree sample;
  sample.folder("deep");
  sample.at(sample.file("deep/heavy", "h")).xattrs["user.heavy"] = noise(1, 5000);
  CHECK(failure_of(sample).find("/deep/heavy: its extended attributes take more than the one block") == 0);
}

TEST_CASE("an attribute that is none is refused in words") {
  SampleTree sample;
  sample.at(sample.file("listed", "l")).xattrs["system.posix_acl_access"] = "no list";
  CHECK(failure_of(sample) == "/listed: extended attribute system.posix_acl_access: Invalid argument");
}

// Linux answers reads of them with an error, so that no container could copy such a file up.
TEST_CASE("attributes that Linux does not know, or not of such a file, are left out") {
  SampleTree sample;
  const std::vector<InodeIndex> foreign = {sample.file("foreign", "f"), sample.link("link", "foreign"),
                                           sample.special("fifo", FileType::kFifo, 0, 0)};
  const std::string acl(
      "\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x04\0\x04\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff", 28);
  sample.at(foreign[0]).xattrs = {
      {"com.apple.quarantine", "q"}, {"user.", "u"}, {"system.posix_acl_default", acl}};
  sample.at(foreign[1]).xattrs = {{"user.x", "u"}, {"system.posix_acl_access", acl}};
  sample.at(foreign[2]).xattrs = {{"user.x", "u"}};
  sample.tree().count_links();
  const Device device = device_of(sample);
  for (const InodeIndex inode : foreign) sample.at(inode).xattrs.clear();
  const Exported exported(device);
  CHECK(exported.check().status == 0);
  if (can_mount()) CHECK(Mounted(exported).differences(sample.tree(), sample.spool()).empty());
}

TEST_CASE("long names and deep paths") {
  SampleTree sample;
  std::string path;
  for (int depth = 0; depth < 15; ++depth) {
    path += (depth ? "/" : "") + std::string(255, static_cast<char>('a' + depth));
    sample.folder(path);
  }
  sample.file(path + "/end", "end");
  std::string narrow = "d";
  sample.folder(narrow);
  for (int depth = 0; depth < 1000; ++depth) sample.folder(narrow += "/d");
  sample.file(narrow + "/end", "end");
  check_whole(sample);
}

TEST_CASE("a directory of many blocks, and small ones around it") {
  SampleTree sample;
  sample.folder("huge");
  for (int i = 0; i < 40000; ++i)
    sample.special("huge/a name of some length " + std::to_string(i), FileType::kFifo, 0, 0);
  for (int i = 0; i < 300; ++i) {
    const std::string name = "f" + std::to_string(i);
    sample.folder(name);
    sample.file(name + "/x", "x" + name);
  }
  check_whole(sample);
}

TEST_CASE("more folders in a folder than a link count can say", "[heavy]") {
  SampleTree sample;
  sample.folder("parent");
  for (int i = 0; i < 65001; ++i) sample.folder("parent/" + std::to_string(i));
  const Device device = device_of(sample);
  const Exported exported(device);
  const auto check = exported.check();
  INFO(check.output);
  CHECK(check.status == 0);
  if (can_mount()) {
    const Mounted mounted(exported);
    struct stat found {};
    REQUIRE(stat((mounted.path() + "/parent").c_str(), &found) == 0);
    CHECK(found.st_nlink == 1);
    CHECK(stat((mounted.path() + "/parent/65000").c_str(), &found) == 0);
  }
}

TEST_CASE("too many hard links are refused with the path") {
  SampleTree sample;
  const InodeIndex file = sample.file("file", "f");
  for (int i = 0; i < 65000; ++i) sample.hard_link("link" + std::to_string(i), file);
  CHECK(failure_of(sample).find("/file: 65001 hard links") == 0);
}

TEST_CASE("holes stay holes, in small, large and huge files") {
  SampleTree sample;
  sample.sparse_file("only a hole", 10 * kGiB, {});
  sample.sparse_file("small", 1 * kMiB, {{512, "a"}, {600 * kKiB, noise(1, 9000)}});
  sample.sparse_file("end", 3 * kGiB, {{3 * kGiB - 5, "final"}});
  sample.sparse_file(
      "large", 5 * kGiB,
      {{4096, noise(2, 300000)}, {5 * kMiB + 100, noise(3, 200000)}, {5 * kGiB - 70000, noise(4, 70000)}});
  std::vector<std::pair<uint64_t, std::string>> parts;
  for (uint64_t i = 0; i < 400; ++i) parts.emplace_back(i * 64 * kKiB + i % 3 * 4096, noise(i, 3000));
  sample.sparse_file("many extents", 40 * kMiB, parts);
  for (uint64_t i = 400; i < 3000; ++i) parts.emplace_back(i * 64 * kKiB, "p");
  sample.sparse_file("more extents than one block of them", 300 * kMiB, parts);
  check_whole(sample);
}

TEST_CASE("a file of more than four extents and more than 4 GiB") {
  SampleTree sample;
  const Segment zeros = sample.at(sample.file("zeros", std::string(kMiB, '\0'))).segments.front();
  const InodeIndex index = sample.file("large", noise(5, kMiB));
  Inode& file = sample.at(index);
  // Spooled bytes, again and again: a MiB of noise here and there, zeros between; then a hole to 4 GiB.
  const Segment bytes = file.segments.front();
  file.size = 4 * kGiB + 7 * kMiB;
  file.segments.clear();
  for (uint64_t at = 0; at < file.size; at += kMiB) {
    if (at >= 700 * kMiB && at < 4 * kGiB) continue;
    const Segment& source = at / kMiB % 37 == 3 ? bytes : zeros;
    file.segments.push_back({at, kMiB, source.spool_offset});
  }
  check_whole(sample);
}

// The same files, made in another order and with other inode indexes, among files that are gone again.
void add_files(SampleTree& sample, std::mt19937& random) {
  std::vector<int> order(500);
  for (int i = 0; i < 500; ++i) order[static_cast<size_t>(i)] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (const int i : {0, 1, 2, 3, 4}) sample.folder("d" + std::to_string((i + order[0]) % 5));
  for (const int i : order) {
    const std::string path = "d" + std::to_string(i % 5) + "/f" + std::to_string(i);
    if (random() % 4 == 0) {
      sample.file(path, noise(random(), 100000));
      sample.folder(path);
      sample.file(path + "/gone", noise(random(), 300000));
    }
    sample.file(path, noise(static_cast<uint64_t>(i), static_cast<size_t>(i * i)));
  }
  sample.hard_link("d4/again", sample.file("d1/first", "hard"));
}

TEST_CASE("the same tree gives the same bytes, however it was built") {
  std::mt19937 one_way(1);
  std::mt19937 other_way(2);
  SampleTree first;
  SampleTree second;
  add_files(first, one_way);
  add_files(second, other_way);
  const Device a = device_of(first);
  const Device b = device_of(second);
  CHECK(first.tree().inode_count() != second.tree().inode_count());
  CHECK(a.uuid() == b.uuid());
  CHECK(a.chunks() == b.chunks());
  CHECK(digest_of(a) == digest_of(b));
  check_whole(second);
}

TEST_CASE("another tree has another UUID") {
  SampleTree first;
  SampleTree second;
  first.file("a", "same");
  second.at(second.file("a", "same")).mtime.nanoseconds = 2;
  CHECK(device_of(first).uuid() != device_of(second).uuid());
}

TEST_CASE("unreachable inodes take no room") {
  SampleTree with;
  SampleTree without;
  with.file("a", noise(1, 1000000));
  with.file("a", noise(2, 1000000));
  without.file("a", noise(2, 1000000));
  CHECK(digest_of(device_of(with)) == digest_of(device_of(without)));
}

TEST_CASE("one more file changes few chunks") {
  SampleTree before;
  SampleTree after;
  std::mt19937 one(1);
  std::mt19937 same(1);
  add_files(before, one);
  add_files(after, same);
  after.file("d2/new", noise(99, 200000));
  const Device a = device_of(before);
  const Device b = device_of(after);
  Buffer left(a.chunk_bytes());
  Buffer right(b.chunk_bytes());
  size_t different = 0;
  for (const uint64_t chunk : b.chunks()) {
    REQUIRE(a.read_chunk(chunk, left.mutable_view()).ok());
    REQUIRE(b.read_chunk(chunk, right.mutable_view()).ok());
    different += as_text(left.view()) == as_text(right.view()) ? 0 : 1;
  }
  // The superblock's, the new file's, its directory's inodes and blocks; and room for one displaced
  // neighbour.
  CHECK(different <= 6);
  CHECK(b.chunks().size() > 50);
}

TEST_CASE("the smallest size class that leaves room is chosen") {
  SampleTree sample;
  const InodeIndex index = sample.file("a", noise(1, kMiB));
  const Segment one = sample.at(index).segments.front();
  const auto device_bytes_for = [&](uint64_t bytes) {
    Inode& file = sample.at(index);
    file.size = bytes;
    file.segments.clear();
    for (uint64_t at = 0; at < bytes; at += kMiB) file.segments.push_back({at, kMiB, one.spool_offset});
    return device_of(sample).device_bytes();
  };
  CHECK(device_bytes_for(1 * kMiB) == 1 * kGiB);
  CHECK(device_bytes_for(310 * kMiB) == 1 * kGiB);
  CHECK(device_bytes_for(330 * kMiB) == 4 * kGiB);
  CHECK(device_bytes_for(2 * kGiB) == 16 * kGiB);
}

TEST_CASE("an image beyond the largest class is refused") {
  SampleTree sample;
  const InodeIndex index = sample.file("a", noise(1, kMiB));
  Inode& file = sample.at(index);
  file.size = 300 * kGiB;
  file.segments = {{0, file.size, file.segments.front().spool_offset}};
  CHECK(failure_of(sample).find("more than the largest device holds") != std::string::npos);
}

TEST_CASE("what ext4 cannot say is refused with the path") {
  SampleTree sample;
  SECTION("device numbers") {
    sample.special("node", FileType::kCharDevice, 4096, 0);
    CHECK(failure_of(sample).find("/node: device number 4096:0") == 0);
  }
  SECTION("link targets") {
    sample.link("node", std::string(4096, 't'));
    CHECK(failure_of(sample).find("/node: link target of 4096 bytes") == 0);
  }
  SECTION("file sizes") {
    sample.sparse_file("node", 16 * 1024 * kGiB, {});
    CHECK(failure_of(sample).find("larger than an ext4 file can be") != std::string::npos);
  }
  SECTION("segments past the end") {
    sample.at(sample.file("node", "four")).size = 3;
    CHECK(failure_of(sample).find("/node: its data segments") == 0);
  }
}

TEST_CASE("other chunk sizes work, bad ones are refused") {
  SampleTree sample;
  std::mt19937 random(1);
  add_files(sample, random);
  sample.file("large", noise(1, 3000000));
  sample.tree().count_links();
  for (const uint64_t chunk_bytes : {64 * kKiB, 1 * kMiB, 8 * kMiB}) {
    const auto device = lay_out(sample.tree(), sample.spool(), {.chunk_bytes = chunk_bytes});
    REQUIRE(device.ok());
    const Exported exported(device.value());
    CHECK(exported.check().status == 0);
    if (can_mount()) CHECK(Mounted(exported).differences(sample.tree(), sample.spool()).empty());
  }
  for (const uint64_t chunk_bytes : {uint64_t{0}, 32 * kKiB, 100 * kKiB, 16 * kMiB}) {
    const auto device = lay_out(sample.tree(), sample.spool(), {.chunk_bytes = chunk_bytes});
    REQUIRE_FALSE(device.ok());
    CHECK(device.error().code == Code::kUsage);
  }
}

}  // namespace
}  // namespace thaw::device_test
