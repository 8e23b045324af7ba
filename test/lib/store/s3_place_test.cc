#include "lib/store/s3_place.h"

#include <catch2/catch.hpp>

namespace thaw::s3_place_test {
namespace {

S3Place place_of(const std::string& url, const S3Options& options = {}) {
  const auto place = S3Place::parse(url, options);
  REQUIRE(place.ok());
  return place.value();
}

std::string error_of(const std::string& url, const S3Options& options = {}) {
  const auto place = S3Place::parse(url, options);
  REQUIRE_FALSE(place.ok());
  CHECK(place.error().code == Code::kUsage);
  CHECK(place.error().message.find('\n') == std::string::npos);
  return place.error().message;
}

S3Options at(const std::string& endpoint) { return {endpoint, "us-east-1", true}; }

}  // namespace

TEST_CASE("a bucket stands in the path or in the host", "[s3]") {
  const S3Place path = place_of("s3://images/a/b/", at("http://LocalHost:9000/"));
  CHECK(path.bucket() == "images");
  CHECK(path.prefix() == "a/b/");
  CHECK(path.endpoint() == "http://localhost:9000");
  CHECK(path.host() == "localhost:9000");
  CHECK(path.object_path("store.json") == "/images/a/b/store.json");
  CHECK(path.bucket_path() == "/images");

  S3Options options;
  options.region = "eu-west-1";
  options.path_style = false;
  const S3Place host = place_of("s3://images", options);
  CHECK(host.prefix().empty());
  CHECK(host.endpoint() == "https://images.s3.eu-west-1.amazonaws.com");
  CHECK(host.object_path("store.json") == "/store.json");
  CHECK(host.bucket_path() == "/");
  CHECK(place_of("s3://images/team=a/ü").object_path("k") == "/images/team%3Da/%C3%BC/k");
}

TEST_CASE("a scheme's own port is in no Host header", "[s3]") {
  CHECK(place_of("s3://images", at("http://h:80")).host() == "h");
  CHECK(place_of("s3://images", at("https://h:443")).host() == "h");
  CHECK(place_of("s3://images", at("https://h:80")).host() == "h:80");
  CHECK(place_of("s3://images", at("http://[::1]")).host() == "[::1]");
  CHECK(place_of("s3://images", at("http://[::1]:80")).host() == "[::1]");
}

TEST_CASE("what is no place is a usage error that says which key is wrong", "[s3]") {
  for (const char* url : {"s3://", "s3:///x", "s3://a", "s3://a b c", "s3://-abc", "s3://images//x",
                          "s3://images/a//b", "s3://images/../b", "s3://images/.", "s3://images/a b",
                          "s3://images/a?b", "s3://images/a#b", "s3://user:secret@host/x"}) {
    INFO(url);
    CHECK(error_of(url).find("store.url") != std::string::npos);
  }
  for (const char* endpoint : {"h", "ftp://h", "http://", "http://h/path", "http://u:p@h", "http://h?x",
                               "http://h\nx", "http://h x"}) {
    INFO(endpoint);
    CHECK(error_of("s3://images", at(endpoint)).find("s3.endpoint") != std::string::npos);
  }
  CHECK(error_of("s3://images", {"", "../x", true}).find("s3.region") != std::string::npos);
  CHECK(error_of("s3://images", {"", "", true}).find("s3.region") != std::string::npos);
}

TEST_CASE("a password in the endpoint is not shown", "[s3]") {
  const std::string error = error_of("s3://images", at("http://user:sesame@127.0.0.1:9000"));
  CHECK(error.find("may name no user") != std::string::npos);
  CHECK(error.find("sesame") == std::string::npos);
}

}  // namespace thaw::s3_place_test
