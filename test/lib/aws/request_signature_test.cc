#include "lib/aws/request_signature.h"

#include <catch2/catch.hpp>

#include "lib/aws/uri_encoding.h"
#include "lib/crypto/hash.h"

namespace thaw::request_signature_test {
namespace {

// The examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
const AwsCredentials kExampleKeys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const AwsService kExampleService{"s3", "us-east-1"};
constexpr std::time_t kExampleTime = 1369353600;  // 2013-05-24T00:00:00Z

UnsignedRequest example(const std::string& path, const std::string& query) {
  UnsignedRequest request;
  request.path = path;
  request.query = query;
  request.host = "examplebucket.s3.amazonaws.com";
  request.payload = sha256({});
  return request;
}

// S3 has its own header for the payload's hash.
HttpHeaders signed_for_s3(UnsignedRequest request, const AwsCredentials& keys) {
  request.headers.emplace_back("x-amz-content-sha256", request.payload.hex());
  return sign_request(request, keys, kExampleService, kExampleTime);
}

std::string signature_of(const HttpHeaders& headers) {
  REQUIRE(headers.back().first == "authorization");
  const std::string& text = headers.back().second;
  return text.substr(text.find("Signature=") + 10);
}

std::string signature_of(const UnsignedRequest& request) {
  return signature_of(signed_for_s3(request, kExampleKeys));
}

}  // namespace

TEST_CASE("AWS's example: GET of an object, with a range", "[aws]") {
  UnsignedRequest request = example("/test.txt", "");
  request.headers = {{"range", "bytes=0-9"}};
  CHECK(signature_of(request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("AWS's example: PUT of an object", "[aws]") {
  UnsignedRequest request = example("/" + uri_encode("test$file.text", UriPart::kPath), "");
  request.method = HttpMethod::kPut;
  request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.payload = sha256(as_bytes("Welcome to Amazon S3."));
  CHECK(signature_of(request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_CASE("AWS's examples: of a bucket's configuration, and a list of objects", "[aws]") {
  CHECK(signature_of(example("/", canonical_query({{"lifecycle", ""}}))) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(signature_of(example("/", canonical_query({{"prefix", "J"}, {"max-keys", "2"}}))) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("AWS's test suite: get-vanilla and post-vanilla of another service", "[aws]") {
  const AwsCredentials keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  constexpr std::time_t kTime = 1440938160;  // 2015-08-30T12:36:00Z
  UnsignedRequest request = example("/", "");
  request.host = "example.amazonaws.com";
  CHECK(signature_of(sign_request(request, keys, {"service", "us-east-1"}, kTime)) ==
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  request.method = HttpMethod::kPost;
  CHECK(signature_of(sign_request(request, keys, {"service", "us-east-1"}, kTime)) ==
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
}

TEST_CASE("a session token is sent and signed", "[aws]") {
  AwsCredentials keys = kExampleKeys;
  keys.session_token = "token";
  const HttpHeaders headers = signed_for_s3(example("/", ""), keys);
  CHECK(std::count(headers.begin(), headers.end(),
                   std::pair<std::string, std::string>("x-amz-security-token", "token")) == 1);
  CHECK(headers.back().second.find(
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") != std::string::npos);
  for (const auto& [name, value] : headers) CHECK(value.find(keys.secret_key) == std::string::npos);
}

}  // namespace thaw::request_signature_test
