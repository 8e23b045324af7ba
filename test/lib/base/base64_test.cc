#include "lib/base/base64.h"

#include <catch2/catch.hpp>

namespace thaw::base64_test {
namespace {

TEST_CASE("the examples of RFC 4648 encode and decode", "[base64]") {
  const std::pair<std::string, std::string> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : examples) {
    CHECK(to_base64(as_bytes(plain)) == encoded);
    CHECK(from_base64(encoded) == plain);
  }
}

TEST_CASE("every byte survives", "[base64]") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(from_base64(to_base64(as_bytes(all))) == all);
}

TEST_CASE("padding may be missing, and nothing else be wrong", "[base64]") {
  CHECK(from_base64("Zg") == "f");
  CHECK(from_base64("Zm8") == "fo");
  for (const char* wrong : {"Z", "Zg===", "Zm9v=Zg", "Zm 9v", "Zm9v\n", "Zh==", "Zm9-", "="}) {
    INFO(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}

TEST_CASE("text that stands for just as many bytes is decoded in place", "[base64]") {
  Bytes bytes(3);
  REQUIRE(decode_base64("Zm9v", bytes));
  CHECK(as_text(bytes) == "foo");
  for (const char* wrong : {"", "Zm8=", "Zm9vYg==", "Zm9-", "Z"}) CHECK_FALSE(decode_base64(wrong, bytes));
}

}  // namespace
}  // namespace thaw::base64_test
