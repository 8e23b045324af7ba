#include "lib/oci/registry_reference.h"

#include <catch2/catch.hpp>

namespace thaw::registry_reference_test {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string parts(const std::string& text) {
  const auto reference = parse_registry_reference(text);
  INFO((reference.ok() ? "" : reference.error().message));
  REQUIRE(reference.ok());
  return reference->registry + " " + reference->repository + " " + reference->tag + " " + reference->digest;
}

}  // namespace

TEST_CASE("a reference names registry, repository, tag and digest", "[registry]") {
  CHECK(parts("127.0.0.1:5000/web:7") == "127.0.0.1:5000 web 7 ");
  CHECK(parts("registry.example/team/a-b/web_1.2") == "registry.example team/a-b/web_1.2 latest ");
  CHECK(parts("localhost/x@" + kDigest) == "localhost x  " + kDigest);
  CHECK(parts("[::1]:5000/x:1@" + kDigest) == "[::1]:5000 x 1 " + kDigest);
  CHECK(parse_registry_reference("localhost/x:1@" + kDigest)->target() == kDigest);
  CHECK(parse_registry_reference("localhost/x:1")->target() == "1");
}

TEST_CASE("Docker's registry has its own names", "[registry]") {
  CHECK(parts("docker.io/debian:12") == "docker.io library/debian 12 ");
  CHECK(parts("index.docker.io/grafana/loki") == "docker.io grafana/loki latest ");
  CHECK(parse_registry_reference("docker.io/debian")->server() == "registry-1.docker.io");
  CHECK(parse_registry_reference("quay.io/a")->server() == "quay.io");
}

TEST_CASE("what is no reference is refused with a remedy", "[registry]") {
  for (const std::string text : {"",
                                 "web",
                                 "web:7",
                                 "team/web:7",
                                 "host.example/",
                                 "host.example/Web",
                                 "host.example/a//b",
                                 "host.example/a/../b",
                                 "host.example/web:",
                                 "host.example/web:.x",
                                 "host.example:0/web",
                                 "host.example:99999/web",
                                 "host.example:x/web",
                                 "-h.example/web",
                                 "host.example/web@sha256:12",
                                 "host.example/web@md5:12",
                                 "host.example/we b",
                                 "host.example/web?x=y",
                                 "host.example/web\r\nX: y",
                                 "[::1/web",
                                 "host.example/web:7:8"}) {
    INFO(text);
    const auto reference = parse_registry_reference(text);
    REQUIRE_FALSE(reference.ok());
    CHECK(reference.error().code == Code::kUsage);
    CHECK(reference.error().message.find("docker://HOST") != std::string::npos);
    CHECK(reference.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a password in a reference is not repeated", "[registry]") {
  for (const std::string text :
       {"user:secret@host.example/web", "user:secret@host.example:5000/web:7", "secret@host.example/web"}) {
    const auto reference = parse_registry_reference(text);
    REQUIRE_FALSE(reference.ok());
    CHECK(reference.error().message.find("secret") == std::string::npos);
    CHECK(reference.error().message.find("docker login") != std::string::npos);
  }
  CHECK(without_login("docker://user:secret@host.example/web@sha256:a") ==
        "docker://host.example/web@sha256:a");
  CHECK(without_login("docker://user:secret@") == "docker://");
  CHECK(without_login("docker://host.example/web@sha256:a") == "docker://host.example/web@sha256:a");
  CHECK(without_login("oci:./a@b") == "oci:./a@b");
}

}  // namespace thaw::registry_reference_test
