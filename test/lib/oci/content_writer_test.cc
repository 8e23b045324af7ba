#include "lib/oci/content_writer.h"

#include <catch2/catch.hpp>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::content_writer_test {
namespace {

constexpr size_t kBlock = 4096;

void add_number(std::string& bytes, uint64_t value) {
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
}

// The digest as tree.h says it, computed from the result.
Digest expected_digest(uint64_t size, const std::vector<Segment>& segments, const std::string& bytes) {
  std::string input;
  add_number(input, size);
  for (const Segment& segment : segments) {
    add_number(input, segment.offset);
    add_number(input, segment.length);
    input += bytes.substr(segment.offset, segment.length);
  }
  return sha256(as_bytes(input));
}

FileContent write_in_pieces(ContentWriter& writer, const std::string& bytes, size_t piece) {
  writer.begin(bytes.size());
  for (size_t at = 0; at < bytes.size(); at += piece) {
    REQUIRE(writer.write(as_bytes(std::string_view(bytes).substr(at, piece))).ok());
  }
  auto content = writer.finish();
  REQUIRE(content.ok());
  return std::move(content).value();
}

}  // namespace

TEST_CASE("ContentWriter makes canonical segments however the bytes arrive", "[oci]") {
  TemporaryFolder folder;
  auto spool = Spool::create(folder.path());
  REQUIRE(spool.ok());
  ContentWriter writer(spool.value());
  const std::string zeros(kBlock, '\0');
  const std::string ones(kBlock, '1');
  const std::string bytes =
      ones + ones + zeros + zeros + "tail" + std::string(kBlock - 4, '\0') + zeros + "end";
  for (const size_t piece : {1UL, 100UL, 4096UL, 5000UL, 1'000'000UL}) {
    const FileContent file = write_in_pieces(writer, bytes, piece);
    REQUIRE(file.segments.size() == 3);
    CHECK(file.segments[0].offset == 0);
    CHECK(file.segments[0].length == 2 * kBlock);
    CHECK(file.segments[1].offset == 4 * kBlock);
    CHECK(file.segments[1].length == kBlock);
    CHECK(file.segments[2].offset == 6 * kBlock);
    CHECK(file.segments[2].length == 3);
    CHECK(file.digest == expected_digest(bytes.size(), file.segments, bytes));
    REQUIRE(writer.flush().ok());
    Inode inode;
    inode.size = bytes.size();
    inode.segments = file.segments;
    CHECK(content(inode, spool.value()) == bytes);
  }
}

TEST_CASE("ContentWriter skips like it writes zeros", "[oci]") {
  TemporaryFolder folder;
  auto spool = Spool::create(folder.path());
  ContentWriter writer(spool.value());
  const std::string bytes = "abc" + std::string(3 * kBlock, '\0') + "def" + std::string(kBlock, '\0');
  const FileContent plain = write_in_pieces(writer, bytes, 777);
  writer.begin(bytes.size());
  REQUIRE(writer.write(as_bytes("abc")).ok());
  REQUIRE(writer.skip(3 * kBlock).ok());
  REQUIRE(writer.write(as_bytes("def")).ok());
  const auto sparse = writer.finish();
  CHECK(sparse.value().digest == plain.digest);
  REQUIRE(sparse.value().segments.size() == plain.segments.size());
}

TEST_CASE("ContentWriter hashes files larger than its buffers, with and without holes", "[oci]") {
  TemporaryFolder folder;
  auto spool = Spool::create(folder.path());
  ContentWriter writer(spool.value());
  std::string bytes;
  while (bytes.size() < 5'000'000) bytes += "number " + std::to_string(bytes.size()) + "\n";
  const FileContent whole = write_in_pieces(writer, bytes, 300'000);
  CHECK(whole.segments.size() == 1);
  CHECK(whole.digest == expected_digest(bytes.size(), whole.segments, bytes));
  bytes.replace(40 * kBlock, 3 * kBlock, std::string(3 * kBlock, '\0'));
  const FileContent holed = write_in_pieces(writer, bytes, 300'000);
  CHECK(holed.segments.size() == 2);
  CHECK(holed.digest == expected_digest(bytes.size(), holed.segments, bytes));
}

TEST_CASE("ContentWriter holds empty files and files of zeros without bytes", "[oci]") {
  TemporaryFolder folder;
  auto spool = Spool::create(folder.path());
  ContentWriter writer(spool.value());
  CHECK(write_in_pieces(writer, "", 1).segments.empty());
  const std::string zeros(10'000, '\0');
  const FileContent file = write_in_pieces(writer, zeros, 999);
  CHECK(file.segments.empty());
  CHECK(file.digest == expected_digest(zeros.size(), {}, zeros));
  CHECK(spool->size() == 0);
}

}  // namespace thaw::test::content_writer_test
