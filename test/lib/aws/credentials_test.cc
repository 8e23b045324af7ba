#include "lib/aws/credentials.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "test/fakes/manual_timers.h"
#include "test/temporary_folder.h"

namespace thaw::credentials_test {
namespace {

constexpr const char* kFile =
    "# a comment\n"
    "aws_access_key_id = outside\n"
    "[ default ]\r\n"
    "  aws_access_key_id=AK1 \r\n"
    "aws_secret_access_key = s/1=+\r\n"
    "region = eu\n"
    "; another\n"
    "[work]\n"
    "aws_access_key_id = AK2\n"
    "aws_secret_access_key = s2\n"
    "aws_session_token = t2\n"
    "[half]\n"
    "aws_access_key_id = AK3";

void forget_environment() {
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"})
    ::unsetenv(name);
}

// Credentials in a file that somebody writes anew; the first are "one".
struct RotatedFile {
  RotatedFile() {
    forget_environment();
    ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder / "keys").c_str(), 1);
    write("one");
    source = std::make_unique<AwsCredentialSource>(clock);
  }
  void write(const std::string& key) const {
    std::ofstream(folder / "keys") << "[default]\naws_access_key_id=" << key << "\naws_secret_access_key=s\n";
  }

  TemporaryFolder folder;
  ManualTimers clock;
  std::unique_ptr<AwsCredentialSource> source;
};

}  // namespace

TEST_CASE("a profile of a credentials file is read", "[aws]") {
  const auto standard = parse_credentials(kFile, "default");
  REQUIRE(standard);
  CHECK(*standard == AwsCredentials{"AK1", "s/1=+", ""});
  CHECK(parse_credentials(kFile, "work").value() == AwsCredentials{"AK2", "s2", "t2"});
  CHECK_FALSE(parse_credentials(kFile, "half"));
  CHECK_FALSE(parse_credentials(kFile, "none"));
  CHECK_FALSE(parse_credentials("", "default"));
  CHECK_FALSE(parse_credentials("[", ""));
  // What cannot stand in a header is not sent in one.
  CHECK_FALSE(parse_credentials("[d]\naws_access_key_id = a b\naws_secret_access_key = s\n", "d"));
}

TEST_CASE("the environment goes before the file, whose profile may be named", "[aws]") {
  TemporaryFolder folder;
  ManualTimers clock;
  forget_environment();
  std::ofstream(folder / "keys") << kFile;
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder / "keys").c_str(), 1);
  CHECK(AwsCredentialSource(clock).current()->access_key == "AK1");
  ::setenv("AWS_PROFILE", "work", 1);
  CHECK(AwsCredentialSource(clock).current()->access_key == "AK2");
  ::setenv("AWS_ACCESS_KEY_ID", "AK0", 1);
  CHECK(AwsCredentialSource(clock).current()->access_key == "AK2");
  ::setenv("AWS_SECRET_ACCESS_KEY", "s0", 1);
  ::setenv("AWS_SESSION_TOKEN", "t0", 1);
  CHECK(*AwsCredentialSource(clock).current() == AwsCredentials{"AK0", "s0", "t0"});
  forget_environment();
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder / "none").c_str(), 1);
  CHECK(AwsCredentialSource(clock).current() == nullptr);
}

TEST_CASE("a file or profile that is named goes before the environment", "[aws]") {
  TemporaryFolder folder;
  ManualTimers clock;
  forget_environment();
  std::ofstream(folder / "keys") << kFile;
  ::setenv("AWS_ACCESS_KEY_ID", "AK0", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "s0", 1);
  ::setenv("AWS_PROFILE", "none", 1);
  CHECK(AwsCredentialSource(clock, {folder / "keys", ""}).current()->access_key == "AK1");
  CHECK(AwsCredentialSource(clock, {folder / "keys", "work"}).current()->access_key == "AK2");
  CHECK(AwsCredentialSource(clock, {folder / "absent", ""}).current() == nullptr);
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", (folder / "keys").c_str(), 1);
  CHECK(AwsCredentialSource(clock, {"", "work"}).current()->access_key == "AK2");
  forget_environment();
}

TEST_CASE("refused credentials are read again, at most five times a second", "[aws]") {
  RotatedFile f;
  const auto one = f.source->current();
  f.write("two");
  const auto two = f.source->renew(one);
  CHECK(two->access_key == "two");
  CHECK(f.source->renew(one) == two);  // somebody else's refusal was before
  f.write("three");
  CHECK(f.source->renew(two) == two);
  f.clock.advance(std::chrono::seconds(1));
  CHECK(f.source->renew(two)->access_key == "three");
  // A file that is gone for a moment takes nothing away.
  const auto three = f.source->current();
  std::filesystem::remove(f.folder / "keys");
  f.clock.advance(std::chrono::seconds(1));
  CHECK(f.source->renew(three) == three);
}

TEST_CASE("credentials are read again now and then, and when asked to", "[aws]") {
  RotatedFile f;
  CHECK_FALSE(f.source->take_turn());
  f.clock.advance(AwsCredentialSource::kFresh);
  CHECK(f.source->take_turn());
  CHECK_FALSE(f.source->take_turn());
  CHECK_FALSE(f.source->refresh());
  f.write("two");
  CHECK(f.source->refresh());
  CHECK(f.source->current()->access_key == "two");
  std::filesystem::remove(f.folder / "keys");
  CHECK_FALSE(f.source->refresh());
  CHECK(f.source->current()->access_key == "two");
}

}  // namespace thaw::credentials_test
