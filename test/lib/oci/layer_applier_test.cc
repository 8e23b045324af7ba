#include "lib/oci/layer_applier.h"

#include <catch2/catch.hpp>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::layer_applier_test {
namespace {

Image flatten(const std::vector<std::string>& tars) {
  auto image = read_layers(tars);
  INFO(message(image));
  REQUIRE(image.ok());
  return std::move(image).value();
}

bool has(const Image& image, std::string_view path) { return at(image.tree, path) != nullptr; }

std::string error_of(const TarBuilder& tar) {
  const auto image = read_layers({tar.finish()});
  REQUIRE_FALSE(image.ok());
  CHECK(code(image) == Code::kDamaged);
  return message(image);
}

}  // namespace

TEST_CASE("every type of file arrives with its metadata", "[oci]") {
  TarBuilder tar;
  tar.add({.path = "./", .type = '5', .permissions = 0751, .uid = 5, .mtime = 77});
  tar.add({.path = "bin/su", .content = "#!", .permissions = 06755, .uid = 100'000, .gid = 4'000'000'000U});
  tar.add({.path = "tmp", .type = '5', .permissions = 01777, .mtime = -3});
  tar.symlink("link", std::string(4000, 't'));
  tar.add({.path = "null", .type = '3', .permissions = 0666, .device_major = 1, .device_minor = 3});
  tar.add({.path = "zero-zero", .type = '3'});
  tar.add({.path = "disk", .type = '4', .device_major = 259, .device_minor = 1'000'000});
  tar.add({.path = "pipe", .type = '6'});
  tar.add({.path = "xattrs",
           .content = "x",
           .pax = {{"SCHILY.xattr.user.a", "1"},
                   {"SCHILY.xattr.security.selinux", "host"},
                   {"SCHILY.xattr.system.posix_acl_access", "acl"},
                   {"mtime", "5.000000007"}}});
  const Image image = flatten({tar.finish()});
  const Inode& root = image.tree.inode(Tree::kRoot);
  CHECK(root.permissions == 0751);
  CHECK(root.uid == 5);
  CHECK(root.mtime == Timestamp{77, 0});
  const Inode* su = at(image.tree, "bin/su");
  REQUIRE(su != nullptr);
  CHECK(su->permissions == 06755);
  CHECK(su->uid == 100'000);
  CHECK(su->gid == 4'000'000'000U);
  CHECK(content(image, "bin/su") == "#!");
  CHECK(at(image.tree, "tmp")->permissions == 01777);
  CHECK(at(image.tree, "tmp")->mtime == Timestamp{-3, 0});
  CHECK(at(image.tree, "link")->target == std::string(4000, 't'));
  CHECK(at(image.tree, "null")->type == FileType::kCharDevice);
  CHECK(at(image.tree, "null")->device_minor == 3);
  // An overlay's whiteout, on a disk; in a layer it is a device.
  REQUIRE(has(image, "zero-zero"));
  CHECK(at(image.tree, "zero-zero")->type == FileType::kCharDevice);
  CHECK(at(image.tree, "disk")->device_minor == 1'000'000);
  CHECK(at(image.tree, "pipe")->type == FileType::kFifo);
  CHECK(at(image.tree, "xattrs")->xattrs ==
        std::map<std::string, std::string>{{"user.a", "1"}, {"system.posix_acl_access", "acl"}});
  CHECK(at(image.tree, "xattrs")->mtime == Timestamp{5, 7});
  // Nobody said what bin is like.
  CHECK(at(image.tree, "bin")->permissions == 0755);
  CHECK(at(image.tree, "bin")->mtime == Timestamp{0, 0});
}

TEST_CASE("names of 255 bytes and paths of 4,000 arrive", "[oci]") {
  std::string path;
  while (path.size() + 256 < 4000) path.append(255, 'p').push_back('/');
  path.append(4000 - path.size(), 'q');
  std::string deep = "d";
  while (deep.size() < 3999) deep += "/d";
  const Image image = flatten({TarBuilder().file(path, "long").file(deep, "deep").finish()});
  CHECK(content(image, path) == "long");
  CHECK(content(image, deep) == "deep");
  CHECK(error_of(TarBuilder().file(std::string(256, 'n'), "x")).find("255 bytes") != std::string::npos);
}

TEST_CASE("paths are cleaned and never leave the root", "[oci]") {
  const Image image = flatten({TarBuilder()
                                   .file("./a//b/./c", "1")
                                   .file("/absolute", "2")
                                   .file("../../../up", "3")
                                   .file("x/../y/../../z", "4")
                                   .finish()});
  CHECK(content(image, "a/b/c") == "1");
  CHECK(content(image, "absolute") == "2");
  CHECK(content(image, "up") == "3");
  CHECK(content(image, "z") == "4");
  CHECK_FALSE(has(image, "x"));
}

TEST_CASE("entries through symlinked folders are resolved inside the root", "[oci]") {
  const Image image =
      flatten({TarBuilder()
                   .directory("usr/lib")
                   .symlink("lib", "usr/lib")
                   .symlink("abs", "/usr/lib")
                   .symlink("out", "../../../../usr")
                   .symlink("new", "made/here")
                   .file("lib/a", "1")
                   .file("abs/b", "2")
                   .file("out/c", "3")
                   .file("new/d", "4")
                   .file("real/e", "5")
                   .finish(),
               TarBuilder().symlink("real/self", ".").file("real/self/self/f", "6").finish()});
  CHECK(content(image, "usr/lib/a") == "1");
  CHECK(content(image, "usr/lib/b") == "2");
  CHECK(content(image, "usr/c") == "3");
  CHECK(content(image, "made/here/d") == "4");
  CHECK(content(image, "real/f") == "6");
  CHECK(at(image.tree, "lib")->type == FileType::kSymlink);
  CHECK(
      error_of(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "")).find("too many symlinks") !=
      std::string::npos);
  CHECK(error_of(TarBuilder().file("a", "").file("a/x", "")).find("not a directory") != std::string::npos);
}

TEST_CASE("whiteouts hide lower files and folders, and nothing of their own layer", "[oci]") {
  const std::string lower = TarBuilder()
                                .file("d/a", "1")
                                .file("d/b", "2")
                                .file("d/sub/c", "3")
                                .file("e/x", "4")
                                .file("top", "5")
                                .finish();
  const Image image = flatten({lower, TarBuilder()
                                          .file("d/new", "6")
                                          .add({.path = "d/.wh.a"})
                                          .add({.path = "d/.wh.sub"})
                                          .add({.path = "d/.wh.new"})
                                          .add({.path = ".wh.e"})
                                          .file("e/y", "7")
                                          .add({.path = ".wh.no-such"})
                                          .add({.path = "no/such/.wh.folder"})
                                          .add({.path = "top/.wh.below-a-file"})
                                          .finish()});
  CHECK_FALSE(has(image, "d/a"));
  CHECK(has(image, "d/b"));
  CHECK_FALSE(has(image, "d/sub"));
  CHECK(content(image, "d/new") == "6");
  CHECK_FALSE(has(image, "e/x"));
  CHECK(content(image, "e/y") == "7");
  CHECK_FALSE(has(image, "no"));
  CHECK_FALSE(has(image, "d/.wh.a"));
  CHECK(has(image, "top"));
}

TEST_CASE("a whiteout behind entries of its layer hides only what is below it from lower layers", "[oci]") {
  const std::string lower = TarBuilder().file("d/old", "1").file("d/sub/old", "2").file("h", "3").finish();
  const Image image = flatten(
      {lower, TarBuilder().file("d/sub/new", "4").hard_link("d/link", "h").add({.path = ".wh.d"}).finish()});
  CHECK_FALSE(has(image, "d/old"));
  CHECK_FALSE(has(image, "d/sub/old"));
  CHECK(content(image, "d/sub/new") == "4");
  CHECK(content(image, "d/link") == "3");
}

TEST_CASE("opaque folders hide lower content, wherever the mark stands", "[oci]") {
  const std::string lower = TarBuilder().file("d/old", "1").file("d/sub/old", "2").file("h", "3").finish();
  const std::string mark = "d/.wh..wh..opq";
  TarBuilder first;
  TarBuilder last;
  first.add({.path = mark}).file("d/new", "4").file("d/sub/new", "5").hard_link("d/h", "h");
  last.file("d/new", "4").file("d/sub/new", "5").hard_link("d/h", "h").add({.path = mark});
  for (const TarBuilder& upper : {first, last}) {
    const Image image = flatten({lower, upper.finish()});
    CHECK_FALSE(has(image, "d/old"));
    CHECK_FALSE(has(image, "d/sub/old"));
    CHECK(content(image, "d/new") == "4");
    CHECK(content(image, "d/sub/new") == "5");
    CHECK(content(image, "d/h") == "3");
  }
  // The same layer's mark says nothing about the layer above.
  const Image image = flatten({lower, first.finish(), TarBuilder().file("d/third", "6").finish()});
  CHECK(has(image, "d/new"));
  CHECK(has(image, "d/third"));
}

TEST_CASE("whiteouts that name nothing are refused", "[oci]") {
  for (const char* path : {"d/.wh.", "d/.wh..", "d/.wh..."}) {
    CHECK(error_of(TarBuilder().directory("d").add({.path = path})).find("names nothing") !=
          std::string::npos);
  }
}

TEST_CASE("hard links share an inode, in a layer and across layers", "[oci]") {
  const Image image = flatten({TarBuilder().file("a", "one").symlink("s", "a").hard_link("b", "./a").finish(),
                               TarBuilder()
                                   .hard_link("d/c", "/a")
                                   .hard_link("t", "s")
                                   .file("a", "two")
                                   .add({.path = ".wh.b"})
                                   .finish()});
  CHECK(content(image, "a") == "two");
  CHECK(content(image, "d/c") == "one");
  CHECK_FALSE(has(image, "b"));
  CHECK(at(image.tree, "d/c")->links == 1);
  CHECK(at(image.tree, "s") == at(image.tree, "t"));
  CHECK(at(image.tree, "s")->links == 2);
  CHECK(at(image.tree, "a")->links == 1);
}

TEST_CASE("hard links to nothing, to folders and to themselves are refused", "[oci]") {
  CHECK(error_of(TarBuilder().hard_link("a", "missing")).find("hard link to missing") != std::string::npos);
  CHECK(error_of(TarBuilder().directory("d").hard_link("a", "d")).find("a directory") != std::string::npos);
  CHECK(error_of(TarBuilder().file("a", "").hard_link("a", "a")).find("no layer has") != std::string::npos);
  CHECK(error_of(TarBuilder().hard_link("a", "/")).find("the root") != std::string::npos);
}

TEST_CASE("files become folders and back, and the last of two entries wins", "[oci]") {
  const Image image = flatten(
      {TarBuilder().file("a", "1").file("b/x", "2").file("c", "old").file("c", "new").directory("e").finish(),
       TarBuilder().directory("a").file("a/x", "3").file("b", "4").finish(),
       TarBuilder().file("a", "5").directory("b").finish()});
  CHECK(content(image, "a") == "5");
  CHECK(at(image.tree, "b")->type == FileType::kDirectory);
  CHECK(at(image.tree, "b")->entries.empty());
  CHECK(content(image, "c") == "new");
  CHECK(at(image.tree, "e")->entries.empty());
}

TEST_CASE("a folder's metadata is replaced and its entries stay", "[oci]") {
  const Image image = flatten(
      {TarBuilder()
           .add({.path = "d/", .type = '5', .permissions = 0700, .pax = {{"SCHILY.xattr.user.old", "1"}}})
           .file("d/x", "1")
           .finish(),
       TarBuilder().add({.path = "d", .type = '5', .permissions = 0711, .uid = 7, .mtime = 9}).finish()});
  CHECK(content(image, "d/x") == "1");
  CHECK(at(image.tree, "d")->permissions == 0711);
  CHECK(at(image.tree, "d")->uid == 7);
  CHECK(at(image.tree, "d")->mtime == Timestamp{9, 0});
  CHECK(at(image.tree, "d")->xattrs.empty());
  // A folder's entry replaces a symlink to a folder.
  const Image replaced = flatten({TarBuilder().directory("real").symlink("d", "real").finish(),
                                  TarBuilder().directory("d").file("d/x", "1").finish()});
  CHECK(has(replaced, "d/x"));
  CHECK_FALSE(has(replaced, "real/x"));
}

TEST_CASE("the root stays a folder and symlinks have targets", "[oci]") {
  CHECK(error_of(TarBuilder().file("/", "x")).find("root") != std::string::npos);
  CHECK(error_of(TarBuilder().symlink("s", "")).find("target") != std::string::npos);
  CHECK(error_of(TarBuilder().symlink("s", std::string(4096, 't'))).find("target") != std::string::npos);
}

TEST_CASE("an error names the entry on one line", "[oci]") {
  const std::string text = error_of(TarBuilder().hard_link("evil\nname", "no\x1bsuch"));
  CHECK(text.find('\n') == std::string::npos);
  CHECK(text.find("layer 1 of 1: entry evil\\x0aname: hard link to no\\x1bsuch") != std::string::npos);
}

}  // namespace thaw::test::layer_applier_test
