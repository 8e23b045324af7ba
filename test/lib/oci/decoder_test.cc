#include "lib/oci/decoder.h"

#include <catch2/catch.hpp>
#include <random>

#include "test/lib/oci/image_builder.h"

namespace thaw::test::decoder_test {
namespace {

Result<std::string> decode_all(const std::string& bytes, size_t piece) {
  THAW_ASSIGN(auto stream, decode(std::make_unique<TextStream>(bytes, piece)));
  std::string out;
  for (;;) {
    THAW_ASSIGN(const Buffer buffer, stream->next());
    if (buffer.empty()) return out;
    out += as_text(buffer.view());
  }
}

// Text that compresses, and noise that does not, longer than one buffer of a stream.
std::string sample() {
  std::mt19937 random(7);
  std::string bytes;
  for (int i = 0; i < 60'000; ++i) bytes += "line " + std::to_string(i % 977) + "\n";
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(random());
  return bytes;
}

}  // namespace

TEST_CASE("decode tells gzip, zstd and plain bytes by content", "[oci]") {
  const std::string bytes = sample();
  const size_t piece = GENERATE(1, 3, 17, 1000, 1'000'000);
  // One byte at a time is for short input.
  const std::string input = piece == 1 ? bytes.substr(0, 3000) : bytes;
  CHECK(decode_all(input, piece).value() == input);
  CHECK(decode_all(gzip(input), piece).value() == input);
  CHECK(decode_all(zstd(input), piece).value() == input);
  CHECK(decode_all(gzip(input) + gzip("") + gzip("tail"), piece).value() == input + "tail");
  CHECK(decode_all(zstd(input) + zstd("tail"), piece).value() == input + "tail");
  CHECK(decode_all("", piece).value().empty());
}

TEST_CASE("decode reads a gzip header with all its fields", "[oci]") {
  std::string member = gzip("hello");
  // FEXTRA, FNAME and FCOMMENT.
  std::string header = member.substr(0, 10) + std::string(
                                                  "\x04\x00"
                                                  "abcd",
                                                  6);
  header += std::string("name\0comment\0", 13);
  header[3] = 0x1c;
  const size_t piece = GENERATE(1, 2, 5, 100);
  CHECK(decode_all(header + member.substr(10), piece).value() == "hello");
}

TEST_CASE("decode joins what is split at any byte", "[oci]") {
  const std::string stored = gzip("first, first, first, second, second") + gzip("tail");
  for (size_t piece = 1; piece <= stored.size(); ++piece) {
    CHECK(decode_all(stored, piece).value() == "first, first, first, second, secondtail");
  }
}

TEST_CASE("decode refuses truncated data at every length", "[oci]") {
  const std::string text = "some text that is worth compressing, compressing, compressing";
  for (const std::string& whole : {gzip(text), zstd(text)}) {
    for (size_t length = 6; length < whole.size(); ++length) {
      const auto decoded = decode_all(whole.substr(0, length), 7);
      REQUIRE_FALSE(decoded.ok());
      CHECK(code(decoded) == Code::kDamaged);
    }
  }
}

TEST_CASE("decode refuses a flipped bit and trailing garbage", "[oci]") {
  const std::string text(5000, 'x');
  std::string bad = gzip(text);
  bad[bad.size() - 6] = static_cast<char>(bad[bad.size() - 6] ^ 1);  // in the CRC
  CHECK(message(decode_all(bad, 100)) == "gzip data does not match its checksum");
  CHECK(message(decode_all(gzip(text) + "garbage", 100)) == "garbage follows the gzip data");
  CHECK(message(decode_all(gzip(text) + std::string(512, '\0'), 100)) == "garbage follows the gzip data");
  CHECK(code(decode_all(zstd(text) + "garbage", 100)) == Code::kDamaged);
}

TEST_CASE("decode names a compression that layers cannot have", "[oci]") {
  CHECK(message(decode_all("BZh91AY&SY", 100)).find("bzip2") != std::string::npos);
  CHECK(message(decode_all(std::string("\xfd"
                                       "7zXZ\0\0",
                                       7),
                           100))
            .find("xz") != std::string::npos);
}

}  // namespace thaw::test::decoder_test
