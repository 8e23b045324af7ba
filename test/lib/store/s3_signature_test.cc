#include "lib/store/s3_signature.h"

#include <catch2/catch.hpp>

#include "lib/crypto/hash.h"
#include "lib/store/s3_place.h"

namespace thaw {
namespace {

// The examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
const S3Credentials kExampleKeys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
constexpr std::time_t kExampleTime = 1369353600;  // 2013-05-24T00:00:00Z

UnsignedRequest example(const std::string& path, const std::string& query) {
  UnsignedRequest request;
  request.path = path;
  request.query = query;
  request.host = "examplebucket.s3.amazonaws.com";
  request.payload = sha256({});
  return request;
}

std::string signature_of(const UnsignedRequest& request) {
  const HttpHeaders headers = sign_request(request, kExampleKeys, "us-east-1", kExampleTime);
  REQUIRE(headers.back().first == "authorization");
  const std::string& text = headers.back().second;
  return text.substr(text.find("Signature=") + 10);
}

}  // namespace

TEST_CASE("AWS's example: GET of an object, with a range", "[s3]") {
  UnsignedRequest request = example("/test.txt", "");
  request.headers = {{"range", "bytes=0-9"}};
  CHECK(signature_of(request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("AWS's example: PUT of an object", "[s3]") {
  UnsignedRequest request = example("/" + uri_encode("test$file.text", UriPart::kPath), "");
  request.method = HttpMethod::kPut;
  request.headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  request.payload = sha256(as_bytes("Welcome to Amazon S3."));
  CHECK(signature_of(request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST_CASE("AWS's examples: of a bucket's configuration, and a list of objects", "[s3]") {
  CHECK(signature_of(example("/", canonical_query({{"lifecycle", ""}}))) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(signature_of(example("/", canonical_query({{"prefix", "J"}, {"max-keys", "2"}}))) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("a session token is sent and signed", "[s3]") {
  S3Credentials keys = kExampleKeys;
  keys.session_token = "token";
  const HttpHeaders headers = sign_request(example("/", ""), keys, "us-east-1", kExampleTime);
  CHECK(std::count(headers.begin(), headers.end(),
                   std::pair<std::string, std::string>("x-amz-security-token", "token")) == 1);
  CHECK(headers.back().second.find(
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,") != std::string::npos);
  for (const auto& [name, value] : headers) CHECK(value.find(keys.secret_key) == std::string::npos);
}

}  // namespace thaw
