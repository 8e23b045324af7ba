#include "lib/oci/docker_credentials.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/oci/credential_helper.h"
#include "test/lib/oci/image_builder.h"

namespace thaw::test::docker_credentials_test {
namespace {

// Files with logins, and helpers on the PATH.
struct Logins {
  TemporaryFolder folder;
  std::vector<std::string> files;
  const std::string path = std::getenv("PATH");

  Logins() { ::setenv("PATH", (folder.path() + ":" + path).c_str(), 1); }
  ~Logins() { ::setenv("PATH", path.c_str(), 1); }
  Logins(const Logins&) = delete;
  Logins& operator=(const Logins&) = delete;

  void file(const std::string& text) {
    files.push_back(folder.path() + "/" + std::to_string(files.size()) + ".json");
    write_file(files.back(), text);
  }
  void helper(const std::string& name, const std::string& script) {
    const std::string program = folder.path() + "/docker-credential-" + name;
    write_file(program, "#!/bin/sh\n" + script);
    ::chmod(program.c_str(), 0755);
  }
  std::string find(const std::string& registry, const std::string& repository = "web") const {
    const auto login = find_login(registry, repository, files, Limits{});
    if (!login.ok()) return "error: " + login.error().message;
    return login->user + "|" + login->password + "|" + login->identity_token;
  }
};

}  // namespace

TEST_CASE("logins are found by registry, in the order of the files", "[registry]") {
  Logins logins;
  CHECK(logins.find("h:5000") == "||");
  logins.files.push_back(logins.folder.path() + "/not-there.json");
  logins.file(
      R"({"auths": {"h:5000": {"auth": "dXNlcjpwYTpzcw=="}, "token.example": {"auth": "PHRva2VuPjphYmM="},
                            "old.example": {"username": "u", "password": "p"}, "empty.example": {}}})");
  logins.file(R"({"auths": {"h:5000": {"auth": "b3RoZXI6eA=="}, "empty.example": {"auth": "b3RoZXI6eA=="},
                            "https://index.docker.io/v1/": {"auth": "aHViOmE="},
                            "https://url.example/v2/": {"identitytoken": "t"}}})");
  CHECK(logins.find("h:5000") == "user|pa:ss|");
  CHECK(logins.find("h") == "||");
  CHECK(logins.find("token.example") == "||abc");
  CHECK(logins.find("old.example") == "u|p|");
  CHECK(logins.find("empty.example") == "other|x|");
  CHECK(logins.find("docker.io") == "hub|a|");
  CHECK(logins.find("url.example") == "||t");
}

TEST_CASE("a repository may have a login of its own", "[registry]") {
  Logins logins;
  logins.file(
      R"({"auths": {"h": {"auth": "aDph"}, "h/team": {"auth": "dGVhbTph"}, "h/team/web": {"auth": "d2ViOmE="}}})");
  CHECK(logins.find("h", "team/web") == "web|a|");
  CHECK(logins.find("h", "team/api") == "team|a|");
  CHECK(logins.find("h", "teams/api") == "h|a|");
}

TEST_CASE("credential helpers are asked first, each for its registries", "[registry]") {
  Logins logins;
  logins.helper(
      "own",
      R"(read -r server; [ "$1" = get ] && echo "{\"Username\": \"<token>\", \"Secret\": \"$server\"}")");
  logins.helper("all", R"(read -r server; case $server in
    *h.example) echo '{"Username": "u", "Secret": "s"}' ;; *) echo 'credentials not found in native keychain'; exit 1 ;; esac)");
  logins.file(R"({"auths": {"file.example": {"auth": "dXNlcjpwYXNz"}}, "credsStore": "all",
                  "credHelpers": {"docker.io": "own", "own.example:1": "own", "gone.example": "gone", "x": "../x"}})");
  CHECK(logins.find("own.example:1") == "||own.example:1");
  CHECK(logins.find("docker.io") == "||https://index.docker.io/v1/");
  CHECK(logins.find("h.example") == "u|s|");
  CHECK(logins.find("file.example") == "user|pass|");
  CHECK(logins.find("other.example") == "||");
  CHECK(logins.find("gone.example").find("install this credential helper") != std::string::npos);
  CHECK(logins.find("x").find("no name of a credential helper") != std::string::npos);
}

TEST_CASE("a helper has its limits", "[registry]") {
  Logins logins;
  logins.helper("slow", "exec sleep 100");
  logins.helper("endless", "exec cat /dev/zero");
  logins.helper("broken", "echo 'out of\norder'; exit 3");
  HelperLimits limits;
  limits.time = std::chrono::milliseconds(50);
  CHECK(ask_credential_helper("slow", "h", limits).error().code == Code::kTimedOut);
  CHECK(ask_credential_helper("endless", "h").error().code == Code::kFailed);
  const auto broken = ask_credential_helper("broken", "h");
  REQUIRE_FALSE(broken.ok());
  CHECK(broken.error().message.find("out of\\x0aorder") != std::string::npos);
}

TEST_CASE("a file that is not understood is named, and not quoted", "[registry]") {
  for (const char* text :
       {"secret", R"({"auths": {"h": {"auth": "secret!"}}})", R"({"auths": {"h": {"auth": "c2VjcmV0"}}})",
        R"({"auths": {"h": {"auth": 5}}})", R"({"credsStore": ["secret"]})"}) {
    INFO(text);
    Logins logins;
    logins.file(text);
    const auto login = find_login("h", "web", logins.files, Limits{});
    REQUIRE_FALSE(login.ok());
    CHECK(login.error().code == Code::kUsage);
    CHECK(login.error().message.find("0.json") != std::string::npos);
    CHECK(login.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("the environment names the files", "[registry]") {
  for (const char* name : {"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"}) ::unsetenv(name);
  ::setenv("HOME", "/home/x", 1);
  CHECK(credential_files() == std::vector<std::string>{"/home/x/.docker/config.json"});
  ::setenv("REGISTRY_AUTH_FILE", "/a.json", 1);
  ::setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
  ::setenv("DOCKER_CONFIG", "/d", 1);
  CHECK(credential_files() ==
        std::vector<std::string>{"/a.json", "/run/user/1/containers/auth.json", "/d/config.json"});
  for (const char* name : {"REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DOCKER_CONFIG"}) ::unsetenv(name);
}

}  // namespace thaw::test::docker_credentials_test
