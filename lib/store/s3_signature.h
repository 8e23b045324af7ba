// AWS Signature Version 4 of a request whose payload's hash is known
// (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html). Pure.
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

struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  // empty: none

  bool operator==(const S3Credentials&) const = default;
};

struct UnsignedRequest {
  HttpMethod method = HttpMethod::kGet;
  std::string path;   // encoded
  std::string query;  // encoded and sorted
  std::string host;
  HttpHeaders headers;  // further ones; all of them are signed
  Digest payload;       // SHA-256 of the body
};

// The headers to send: those of the request, host, x-amz-…, authorization.
HttpHeaders sign_request(const UnsignedRequest& request, const S3Credentials& credentials,
                         std::string_view region, std::time_t now);

}  // namespace thaw
