#include "lib/oci/web_address.h"

#include <catch2/catch.hpp>

namespace thaw::web_address_test {
namespace {

std::string text_of(const std::optional<WebAddress>& address) { return address ? address->text() : "none"; }

}  // namespace

TEST_CASE("an address has an origin and a target", "[registry]") {
  const auto address = parse_web_address("HTTPS://Storage.Example:443/Blob?X=1&y=%2F#part");
  REQUIRE(address);
  CHECK(address->origin() == "https://storage.example");
  CHECK(address->target == "/Blob?X=1&y=%2F");
  CHECK(text_of(parse_web_address("http://h:80")) == "http://h/");
  CHECK(text_of(parse_web_address("http://h:443?a")) == "http://h:443/?a");
  CHECK(text_of(parse_web_address("http://[::1]:5000/")) == "http://[::1]:5000/");
}

TEST_CASE("what nobody should be sent to is no address", "[registry]") {
  for (const char* text :
       {"", "/x", "ftp://h/", "file:///etc/passwd", "https://user:pass@h/", "https://", "https:///x",
        "https://h/a b", "https://h/\r\nX: y", "https://:80/", "https://h\\x/"}) {
    INFO(text);
    CHECK_FALSE(parse_web_address(text));
  }
}

TEST_CASE("a redirect is followed from where it was answered", "[registry]") {
  const WebAddress base = *parse_web_address("https://h:5000/v2/x?y");
  CHECK(text_of(follow(base, "/other?z")) == "https://h:5000/other?z");
  CHECK(text_of(follow(base, "//other/z")) == "https://other/z");
  CHECK(text_of(follow(base, "http://other/z")) == "http://other/z");
  CHECK(text_of(follow(base, "javascript:x")) == "none");
  CHECK(text_of(follow(base, "")) == "none");
}

TEST_CASE("queries are encoded", "[registry]") {
  CHECK(percent_encoded("repository:a/b:pull c~-._&") == "repository%3Aa%2Fb%3Apull%20c~-._%26");
}

}  // namespace thaw::web_address_test
