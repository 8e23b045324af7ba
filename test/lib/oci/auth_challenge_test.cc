#include "lib/oci/auth_challenge.h"

#include <catch2/catch.hpp>

namespace thaw::auth_challenge_test {

TEST_CASE("a bearer challenge tells realm, service and scope", "[registry]") {
  const auto challenges = parse_challenges(
      "Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\","
      "scope=\"repository:library/debian:pull,push\"");
  REQUIRE(challenges.size() == 1);
  CHECK(challenges[0].scheme == "bearer");
  CHECK(challenges[0].parameter("realm") == "https://auth.docker.io/token");
  CHECK(challenges[0].parameter("service") == "registry.docker.io");
  CHECK(challenges[0].parameter("scope") == "repository:library/debian:pull,push");
  CHECK(challenges[0].parameter("error").empty());
}

TEST_CASE("one header may hold several challenges", "[registry]") {
  const auto challenges = parse_challenges("Negotiate, BASIC Realm = \"a \\\"b\\\", c\" , bearer realm=x");
  REQUIRE(challenges.size() == 3);
  CHECK(challenges[0].scheme == "negotiate");
  CHECK(challenges[1].scheme == "basic");
  CHECK(challenges[1].parameter("realm") == "a \"b\", c");
  CHECK(challenges[2].parameter("realm") == "x");
}

TEST_CASE("what is no challenge does no harm", "[registry]") {
  CHECK(parse_challenges("").empty());
  CHECK(parse_challenges(" , ,=\"").empty());
  CHECK(parse_challenges("realm=\"x\"").empty());
  CHECK(parse_challenges("Bearer realm=\"never closed").front().parameter("realm") == "never closed");
  CHECK(parse_challenges("Bearer realm=\"ends in \\").size() == 1);
}

}  // namespace thaw::auth_challenge_test
