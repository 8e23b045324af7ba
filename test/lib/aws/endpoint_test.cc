#include "lib/aws/endpoint.h"

#include <catch2/catch.hpp>

namespace thaw::endpoint_test {

TEST_CASE("an endpoint is a server without a path", "[aws]") {
  CHECK(parse_endpoint("https://KMS.eu-west-1.amazonaws.com/")->url() ==
        "https://kms.eu-west-1.amazonaws.com");
  CHECK(parse_endpoint("http://[::1]:8080")->host == "[::1]:8080");
  for (const char* text : {"", "h", "ftp://h", "http://", "http://h/path", "http://u:p@h", "http://h?x",
                           "http://h\nx", "http://h x", "https:h"}) {
    INFO(text);
    CHECK_FALSE(parse_endpoint(text));
  }
}

TEST_CASE("a scheme's own port is in no Host header", "[aws]") {
  CHECK(parse_endpoint("http://h:80")->host == "h");
  CHECK(parse_endpoint("https://h:443")->host == "h");
  CHECK(parse_endpoint("https://h:80")->host == "h:80");
  CHECK(parse_endpoint("http://[::80]")->host == "[::80]");
}

TEST_CASE("a region is a plain word", "[aws]") {
  CHECK(is_aws_region("eu-central-1"));
  for (const char* text : {"", "../x", "a b", "a/b"}) CHECK_FALSE(is_aws_region(text));
}

}  // namespace thaw::endpoint_test
