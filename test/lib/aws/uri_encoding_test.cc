#include "lib/aws/uri_encoding.h"

#include <catch2/catch.hpp>

namespace thaw::uri_encoding_test {

TEST_CASE("text is encoded as RFC 3986 has it", "[aws]") {
  CHECK(uri_encode("azAZ09-._~", UriPart::kQuery) == "azAZ09-._~");
  CHECK(uri_encode("a/b c+d=e&f", UriPart::kPath) == "a/b%20c%2Bd%3De%26f");
  CHECK(uri_encode("a/b", UriPart::kQuery) == "a%2Fb");
  CHECK(uri_encode("\xc3\xa4%", UriPart::kPath) == "%C3%A4%25");
  CHECK(canonical_query({{"prefix", "a/b"}, {"list-type", "2"}, {"a", ""}}) == "a=&list-type=2&prefix=a%2Fb");
  CHECK(canonical_query({}).empty());
}

}  // namespace thaw::uri_encoding_test
