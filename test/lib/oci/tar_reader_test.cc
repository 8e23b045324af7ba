#include "lib/oci/tar_reader.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::tar_reader_test {
namespace {

// The first entry, or the error.
Result<TarEntry> first_entry(const std::string& tar, const Limits& limits = {}) {
  TextStream stream(tar, 333);
  TarReader reader(stream, limits);
  TarEntry entry;
  THAW_ASSIGN(const bool found, reader.next(entry));
  if (!found) return Error{Code::kNotFound, "no entry"};
  return entry;
}

// One header block with its checksum made right again.
std::string with_checksum(std::string header) {
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "%06o", sum);
  header.replace(148, 7, text.data(), 7);
  return header;
}

Result<size_t> count_entries(const std::string& tar) {
  const Limits limits;
  TextStream stream(tar, 700);
  TarReader reader(stream, limits);
  TarEntry entry;
  for (size_t count = 0;; ++count) {
    THAW_ASSIGN(const bool more, reader.next(entry));
    if (!more) return count;
  }
}

TarItem with_pax(const std::string& key, const std::string& value) {
  return {.path = "f", .content = "x", .pax = {{key, value}}};
}

}  // namespace

TEST_CASE("TarReader reads what a header says", "[oci]") {
  TarBuilder tar;
  tar.add({.path = "dev/x",
           .type = '4',
           .permissions = 06755,
           .uid = 12,
           .gid = 13,
           .mtime = -5,
           .device_major = 8,
           .device_minor = 17});
  const auto entry = first_entry(tar.finish());
  REQUIRE(entry.ok());
  CHECK(entry->path == "dev/x");
  CHECK(entry->type == TarType::kBlockDevice);
  CHECK(entry->permissions == 06755);
  CHECK(entry->uid == 12);
  CHECK(entry->gid == 13);
  CHECK(entry->mtime == Timestamp{-5, 0});
  CHECK(entry->device_major == 8);
  CHECK(entry->device_minor == 17);
}

TEST_CASE("TarReader merges pax records", "[oci]") {
  const std::string capability("\x01\0\0\x02\n=\0", 7);
  TarBuilder tar;
  tar.add({.path = "short",
           .content = "x",
           .pax = {{"path", "the/real\nname"},
                   {"uid", "3000000000"},
                   {"gid", "70000"},
                   {"mtime", "-1.25"},
                   {"SCHILY.xattr.security.capability", capability},
                   {"SCHILY.xattr.user.empty", ""},
                   {"LIBARCHIVE.xattr.user.a%3db", "AAEC/w"},
                   {"LIBARCHIVE.xattr.security.capability", "AA=="},
                   {"comment", "ignored"}}});
  const auto entry = first_entry(tar.finish());
  REQUIRE(entry.ok());
  CHECK(entry->path == "the/real\nname");
  CHECK(entry->uid == 3'000'000'000U);
  CHECK(entry->gid == 70'000);
  CHECK(entry->mtime == Timestamp{-2, 750'000'000});
  CHECK(entry->xattrs == std::map<std::string, std::string>{{"security.capability", capability},
                                                            {"user.a=b", std::string("\0\x01\x02\xff", 4)}});
}

TEST_CASE("parse_pax_time reads seconds and nanoseconds", "[oci]") {
  CHECK(parse_pax_time("12").value() == Timestamp{12, 0});
  CHECK(parse_pax_time("12.5").value() == Timestamp{12, 500'000'000});
  CHECK(parse_pax_time("12.0000000019").value() == Timestamp{12, 1});
  CHECK(parse_pax_time("-0.5").value() == Timestamp{-1, 500'000'000});
  for (const char* bad : {"", "x", "1.x", "1e5", "99999999999999999999", "-9223372036854775808.5"}) {
    CHECK_FALSE(parse_pax_time(bad).ok());
  }
}

TEST_CASE("TarReader reads GNU long names and links", "[oci]") {
  const std::string name(3900, 'n');
  TarBuilder tar;
  tar.add({.path = "././@LongLink", .type = 'L', .content = "dir/" + name + std::string(1, '\0')});
  tar.add({.path = "././@LongLink", .type = 'K', .content = "target/" + name + std::string(1, '\0')});
  tar.symlink("cut", "cut");
  const auto entry = first_entry(tar.finish());
  REQUIRE(entry.ok());
  CHECK(entry->path == "dir/" + name);
  CHECK(entry->link == "target/" + name);
}

TEST_CASE("TarReader joins a ustar prefix with the name, and not in GNU's dialect", "[oci]") {
  std::string header = TarBuilder().file("name", "").bytes();
  header.replace(345, 6, "a/dir\0", 6);
  CHECK(first_entry(with_checksum(header)).value().path == "a/dir/name");
  // GNU tar keeps times there.
  header.replace(257, 8, "ustar  \0", 8);
  CHECK(first_entry(with_checksum(header)).value().path == "name");
}

TEST_CASE("TarReader keeps names as the bytes that they are", "[oci]") {
  const std::string decomposed = "e\xcc\x81";
  const std::string latin1 = "\xe9";
  CHECK(first_entry(TarBuilder().add({.path = "x", .pax = {{"path", decomposed}}}).finish()).value().path ==
        decomposed);
  CHECK(first_entry(TarBuilder().file(latin1, "").finish()).value().path == latin1);
}

TEST_CASE("TarReader passes over global headers and ends where tars end", "[oci]") {
  TarBuilder tar;
  tar.add({.path = "pax_global_header", .type = 'g', .content = pax_record("path", "wrong")});
  tar.file("a", "1").file("b", std::string(1000, 'b'));
  CHECK(count_entries(tar.finish()).value() == 2);
  CHECK(count_entries(tar.bytes()).value() == 2);
  CHECK(count_entries(tar.finish() + "whatever follows").value() == 2);
  // Without what fills the last block, as some writers leave it.
  CHECK(count_entries(tar.bytes().substr(0, tar.bytes().size() - 24)).value() == 2);
  CHECK(count_entries("").value() == 0);
  CHECK(count_entries(std::string(1024, '\0')).value() == 0);
}

TEST_CASE("TarReader refuses what is no tar", "[oci]") {
  TarBuilder tar;
  tar.file("a", std::string(2000, 'a'));
  const std::string bytes = tar.bytes();
  for (const size_t length : {1UL, 100UL, 511UL, 513UL, 1500UL, 2511UL}) {
    const auto counted = count_entries(bytes.substr(0, length));
    REQUIRE_FALSE(counted.ok());
    CHECK(code(counted) == Code::kDamaged);
  }
  std::string flipped = bytes;
  flipped[0] = 'b';
  CHECK(message(count_entries(flipped)).find("checksum") != std::string::npos);
  CHECK_FALSE(count_entries(std::string(2000, 'x')).ok());
  CHECK_FALSE(count_entries(std::string(512, '\0') + bytes).ok());
  CHECK_FALSE(count_entries(TarBuilder().add({.path = "v", .type = 'V'}).finish()).ok());
  // An extended header that belongs to nothing.
  CHECK_FALSE(count_entries(TarBuilder().add({.path = "x", .type = 'L', .content = "name"}).finish()).ok());
}

TEST_CASE("TarReader refuses broken pax records", "[oci]") {
  for (const char* bad : {"6 a=\n", "99 path=x\n", "path=x\n", "0 \n", "10 path=xx ", "8 =abcd\n", "7 path\n",
                          "-1 a=b\n", "18446744073709551615 a=b\n"}) {
    TarBuilder tar;
    tar.add({.path = "pax", .type = 'x', .content = bad}).file("f", "x");
    const auto entry = first_entry(tar.finish());
    INFO(bad);
    REQUIRE_FALSE(entry.ok());
    CHECK(code(entry) == Code::kDamaged);
  }
  CHECK_FALSE(first_entry(TarBuilder().add(with_pax("size", "-1")).finish()).ok());
  CHECK_FALSE(first_entry(TarBuilder().add(with_pax("size", "18446744073709551615")).finish()).ok());
  CHECK_FALSE(first_entry(TarBuilder().add(with_pax("uid", "-1")).finish()).ok());
  CHECK_FALSE(first_entry(TarBuilder().add(with_pax("uid", "4294967295")).finish()).ok());
  CHECK_FALSE(first_entry(TarBuilder().add(with_pax("path", std::string("a\0b", 3))).finish()).ok());
}

TEST_CASE("TarReader gives the data, and skips what is not asked for", "[oci]") {
  const Limits limits;
  TarBuilder tar;
  tar.file("skipped", std::string(5000, 's')).file("read", std::string(1025, 'r'));
  TextStream stream(tar.finish(), 100);
  TarReader reader(stream, limits);
  TarEntry entry;
  REQUIRE(reader.next(entry).value());
  REQUIRE(reader.next(entry).value());
  CHECK(reader.position() == 512 + 5120 + 512);
  std::string data;
  for (;;) {
    const auto piece = reader.data();
    REQUIRE(piece.ok());
    if (piece->bytes.empty()) break;
    CHECK(piece->offset == data.size());
    data += as_text(piece->bytes);
  }
  CHECK(data == std::string(1025, 'r'));
  CHECK_FALSE(reader.next(entry).value());
}

TEST_CASE("sparse files of GNU tar in all its formats read like plain ones", "[oci]") {
  TemporaryFolder folder;
  const std::string file = folder.path() + "/f";
  {
    // More ranges than one old GNU header and one extension hold.
    std::ofstream out(file, std::ios::binary);
    for (int i = 0; i < 40; ++i) out.seekp(i * 65'536) << "range " << i;
    out.seekp(6L * 1024 * 1024 * 1024) << "behind 4 GiB";
  }
  std::filesystem::resize_file(file, 6'500'000'000);
  std::vector<Digest> digests;
  for (const char* format :
       {"gnu", "pax --sparse-version=0.0", "pax --sparse-version=0.1", "pax --sparse-version=1.0"}) {
    const std::string tar = folder.path() + "/f.tar";
    const std::string command =
        "tar -C " + folder.path() + " -S --format=" + std::string(format) + " -cf " + tar + " f";
    REQUIRE(std::system(command.c_str()) == 0);
    const auto image = read_layers({read_text(tar)});
    INFO(format << ": " << message(image));
    REQUIRE(image.ok());
    const Inode* inode = at(image->tree, "f");
    REQUIRE(inode != nullptr);
    CHECK(inode->size == 6'500'000'000);
    REQUIRE(inode->segments.size() == 41);
    CHECK(inode->segments[40].offset == 6L * 1024 * 1024 * 1024);
    std::string tail(12, '\0');
    REQUIRE(image->spool.read(inode->segments[40].spool_offset, {reinterpret_cast<uint8_t*>(tail.data()), 12})
                .ok());
    CHECK(tail == "behind 4 GiB");
    digests.push_back(inode->content);
  }
  for (const Digest& digest : digests) CHECK(digest == digests.front());
}

TEST_CASE("sparse maps that lie are refused", "[oci]") {
  const auto refused = [](PaxList pax, const std::string& data) {
    return first_entry(TarBuilder().add({.path = "f", .content = data, .pax = std::move(pax)}).finish());
  };
  const std::string data(512, 'd');
  CHECK(refused({{"GNU.sparse.map", "0,512"}, {"GNU.sparse.size", "4096"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.map", "0,513"}, {"GNU.sparse.size", "4096"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.map", "0,512"}, {"GNU.sparse.size", "100"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.map", "100,256,50,256"}, {"GNU.sparse.size", "4096"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.map", "0"}, {"GNU.sparse.size", "4096"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.map", "0,512"}, {"GNU.sparse.size", "-1"}}, data).ok());
  CHECK_FALSE(refused({{"GNU.sparse.numbytes", "512"}, {"GNU.sparse.size", "4096"}}, data).ok());
  const PaxList new_format = {
      {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "4096"}};
  const auto mapped = [](const std::string& map) {
    return map + std::string(512 - map.size(), '\0') + "data";
  };
  CHECK(refused(new_format, mapped("1\n0\n4\n")).ok());
  CHECK_FALSE(refused(new_format, mapped("1\n0\n5\n")).ok());
  CHECK_FALSE(refused(new_format, mapped("9\n0\n4\n")).ok());
  CHECK_FALSE(refused(new_format, mapped("-1\n0\n4\n")).ok());
  CHECK_FALSE(refused(new_format, "1\n0\n4\n").ok());
  CHECK_FALSE(refused({{"GNU.sparse.major", "1"}}, mapped("1\n0\n4\n")).ok());
  CHECK_FALSE(refused({{"GNU.sparse.major", "2"}, {"GNU.sparse.realsize", "4"}}, data).ok());
}

}  // namespace thaw::test::tar_reader_test
