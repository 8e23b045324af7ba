// AWS Signature Version 4 of a request whose payload's hash is known
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Pure.
//
// What is particular to a service is its caller's: S3 wants the header x-amz-content-sha256 too, and its
// paths encoded once in the signature, where others want them twice.
//
// libcurl can sign too, but not soundly in the version of Debian 12: it neither sorts nor encodes the query
// (curl issues 8107, 9717), and hashes each body again.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "lib/base/digest.h"
#include "lib/http/http_message.h"

namespace thaw {

struct AwsCredentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none

  bool operator==(const AwsCredentials&) const = default;
};

struct UnsignedRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string path;   // encoded as the signature has it
  std::string query;  // encoded and sorted
  std::string host;
  HttpHeaders headers;  // further ones; all of them are signed
  Digest payload;       // SHA-256 of the body
};

struct AwsService {
  std::string name;  // "s3"
  std::string region;
};

// The headers to send: those of the request, host, x-amz-date, x-amz-security-token, authorization.
HttpHeaders sign_request(const UnsignedRequest& request, const AwsCredentials& credentials,
                         const AwsService& service, std::time_t now);

}  // namespace thaw
