// The tree against what `umoci unpack` makes of the same image: names, types, modes, owners, times, xattrs,
// link targets, device numbers and bytes. Needs root (devices, owners) and umoci; says so where one is
// missing.
//
// A real image is compared by `THAW_OCI_IMAGE=DIR:TAG thaw_oci_test "[real]"`.
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::umoci_test {
namespace {

namespace fs = std::filesystem;

bool can_run_umoci() { return ::geteuid() == 0 && std::system("command -v umoci > /dev/null 2>&1") == 0; }

FileType type_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFCHR:
      return FileType::kCharDevice;
    case S_IFBLK:
      return FileType::kBlockDevice;
    case S_IFIFO:
      return FileType::kFifo;
    default:
      return FileType::kRegular;
  }
}

std::map<std::string, std::string> xattrs_of(const std::string& path) {
  std::map<std::string, std::string> xattrs;
  std::string names(65'536, '\0');
  names.resize(
      static_cast<size_t>(std::max<ssize_t>(0, ::llistxattr(path.c_str(), names.data(), names.size()))));
  for (size_t start = 0; start < names.size();) {
    const std::string name = names.c_str() + start;
    std::string value(65'536, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    value.resize(static_cast<size_t>(std::max<ssize_t>(0, size)));
    xattrs.emplace(name, value);
    start += name.size() + 1;
  }
  return xattrs;
}

// Folders that umoci leaves with the time of the unpacking: implied ones, their parents, and those below an
// opaque mark. No layer says what it is.
using Folders = std::set<std::string>;

// Compares one entry; its links are compared by what they share.
void compare(const Image& image, const Inode& inode, const std::string& path, const Folders& with_own_time) {
  struct stat info {};
  INFO(path);
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  CHECK(inode.type == type_of(info.st_mode));
  CHECK(inode.permissions == (info.st_mode & 07777));
  CHECK(inode.uid == info.st_uid);
  CHECK(inode.gid == info.st_gid);
  if (!with_own_time.contains(path)) {
    CHECK((inode.mtime == Timestamp{info.st_mtim.tv_sec, static_cast<uint32_t>(info.st_mtim.tv_nsec)}));
  }
  CHECK(inode.xattrs == xattrs_of(path));
  if (inode.type == FileType::kSymlink) CHECK(inode.target == fs::read_symlink(path).string());
  if (inode.type == FileType::kCharDevice || inode.type == FileType::kBlockDevice) {
    CHECK(inode.device_major == major(info.st_rdev));
    CHECK(inode.device_minor == minor(info.st_rdev));
  }
  if (inode.type == FileType::kDirectory) return;
  CHECK(inode.links == info.st_nlink);
  if (inode.type == FileType::kRegular) CHECK((content(inode, image.spool) == read_text(path)));
}

size_t compare_all(const Image& image, const std::string& rootfs, const Folders& with_own_time = {}) {
  size_t count = 0;
  std::map<ino_t, InodeIndex> shared;
  image.tree.walk([&](std::string_view path, InodeIndex index) {
    const std::string file = rootfs + (path.empty() ? "" : "/" + std::string(path));
    compare(image, image.tree.inode(index), file, with_own_time);
    struct stat info {};
    REQUIRE(::lstat(file.c_str(), &info) == 0);
    CHECK(shared.emplace(info.st_ino, index).first->second == index);
    ++count;
  });
  size_t unpacked = 1;
  for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(rootfs)) ++unpacked;
  CHECK(count == unpacked);
  return count;
}

std::string lower_layer() {
  const std::string capability(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  const PaxList attributes = {{"SCHILY.xattr.security.capability", capability}, {"SCHILY.xattr.user.a", "1"}};
  TarBuilder tar;
  tar.add({.path = "./", .type = '5', .permissions = 0755, .mtime = 1'000'000});
  tar.add({.path = "d",
           .type = '5',
           .permissions = 02775,
           .gid = 70'000,
           .mtime = 5,
           .pax = {{"SCHILY.xattr.user.d", "dir"}}});
  tar.file("d/a", "a").file("d/b", "b").file("d/sub/c", "c");
  tar.add({.path = "d/sub", .type = '5', .permissions = 0700, .mtime = 6});
  tar.add({.path = "caps", .content = "x", .permissions = 04755, .uid = 100'000, .pax = attributes});
  tar.add({.path = "null", .type = '3', .permissions = 0666, .device_major = 1, .device_minor = 3});
  tar.add({.path = "disk",
           .type = '4',
           .permissions = 0660,
           .gid = 6,
           .device_major = 259,
           .device_minor = 70'000});
  tar.add({.path = "pipe", .type = '6', .permissions = 0600});
  tar.add({.path = "old", .content = "old", .pax = {{"mtime", "-1.5"}}});
  tar.add({.path = "nano", .content = "n", .pax = {{"mtime", "7.000000009"}}});
  tar.symlink("s", "d/a").symlink("via", "/d").symlink("dangling", "../../nowhere/" + std::string(300, 'x'));
  tar.hard_link("hard", "d/a").hard_link("hard-symlink", "s");
  tar.add({.path = "opaque", .type = '5', .permissions = 0755})
      .add({.path = "opaque/sub", .type = '5', .permissions = 0755})
      .file("opaque/lower", "1")
      .file("opaque/sub/low", "2");
  tar.add({.path = "opaque/sub", .type = '5', .permissions = 0755});
  tar.file("becomes-folder", "f").add({.path = "becomes-file", .type = '5', .permissions = 0755});
  tar.file("becomes-file/x", "x").file("twice", "first").file("twice", "second");
  tar.file("holes", "start" + std::string(100'000, '\0') + "end").file(std::string(255, 'n'), "255");
  return tar.finish();
}

std::string upper_layer() {
  TarBuilder tar;
  tar.add({.path = "d", .type = '5', .permissions = 0711, .uid = 3, .mtime = 50});
  tar.file("via/new", "through a symlink").hard_link("upper-hard", "/d/b");
  tar.add({.path = "d/.wh.a"}).add({.path = ".wh.null"}).add({.path = ".wh.no-such"});
  tar.file("opaque/sub/upper", "3").add({.path = "opaque/.wh..wh..opq"}).file("opaque/after", "4");
  tar.add({.path = "becomes-folder", .type = '5', .permissions = 0750, .mtime = 8})
      .file("becomes-folder/x", "x");
  tar.add({.path = "absolute", .type = '5', .permissions = 0755, .mtime = 9});
  tar.file("becomes-file", "file").file("../../clamped", "inside").file("/absolute//x/../y", "y");
  tar.add({.path = "parent", .type = '5', .permissions = 0755}).file("parent/implied/file", "1");
  return tar.finish();
}

}  // namespace

TEST_CASE("the tree equals what umoci unpacks", "[oci][umoci]") {
  if (!can_run_umoci()) {
    WARN("not compared: needs root and umoci");
    return;
  }
  TemporaryFolder folder;
  ImageBuilder builder(folder.path() + "/layout");
  Json image = builder.image({Layer::gzipped(lower_layer()), Layer::gzipped(upper_layer())});
  image["annotations"] = {{"org.opencontainers.image.ref.name", "t"}};
  builder.index({image});
  const std::string bundle = folder.path() + "/bundle";
  const std::string command =
      "umoci unpack --image " + builder.folder() + ":t " + bundle + " > " + folder.path() + "/log 2>&1";
  const int status = std::system(command.c_str());
  INFO(read_text(folder.path() + "/log"));
  REQUIRE(status == 0);
  ReadOptions options;
  options.spool_folder = folder.path();
  const auto read = read_image(builder.source() + ":t", options);
  INFO(message(read));
  REQUIRE(read.ok());
  const std::string rootfs = bundle + "/rootfs";
  const Folders with_own_time = {rootfs + "/parent", rootfs + "/parent/implied", rootfs + "/opaque/sub"};
  CHECK(compare_all(read.value(), rootfs, with_own_time) > 30);
}

TEST_CASE("a real image equals what umoci unpacks", "[.][real]") {
  const char* source = std::getenv("THAW_OCI_IMAGE");
  REQUIRE(source != nullptr);
  REQUIRE(can_run_umoci());
  TemporaryFolder folder;
  const std::string bundle = folder.path() + "/bundle";
  const std::string command =
      "umoci unpack --image " + std::string(source) + " " + bundle + " > /dev/null 2>&1";
  REQUIRE(std::system(command.c_str()) == 0);
  ReadOptions options;
  options.spool_folder = folder.path();
  const auto read = read_image("oci:" + std::string(source), options);
  INFO(message(read));
  REQUIRE(read.ok());
  CHECK(compare_all(read.value(), bundle + "/rootfs") > 100);
}

}  // namespace thaw::test::umoci_test
