#include "lib/aws/request_signature.h"

#include <algorithm>

#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string utc(std::time_t time, const char* format) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string signed_names(const HttpHeaders& headers) {
  std::string names;
  for (const auto& header : headers) names += (names.empty() ? "" : ";") + header.first;
  return names;
}

std::string canonical_request(const UnsignedRequest& request, const HttpHeaders& headers) {
  std::string text(method_name(request.method));
  text += "\n" + request.path + "\n" + request.query + "\n";
  for (const auto& [name, value] : headers) text += name + ":" + value + "\n";
  text += "\n" + signed_names(headers) + "\n" + request.payload.hex();
  return text;
}

Digest signing_key(const std::string& secret, std::string_view day, const AwsService& service) {
  Digest key = hmac_sha256(as_bytes("AWS4" + secret), as_bytes(day));
  for (const std::string_view part :
       {std::string_view(service.region), std::string_view(service.name), std::string_view("aws4_request")}) {
    key = hmac_sha256(key.view(), as_bytes(part));
  }
  return key;
}

}  // namespace

HttpHeaders sign_request(const UnsignedRequest& request, const AwsCredentials& credentials,
                         const AwsService& service, std::time_t now) {
  const std::string time = utc(now, "%Y%m%dT%H%M%SZ");
  const std::string day = time.substr(0, 8);
  HttpHeaders headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.emplace_back("x-amz-date", time);
  if (!credentials.session_token.empty())
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  std::ranges::sort(headers);

  const std::string scope = day + "/" + service.region + "/" + service.name + "/aws4_request";
  const std::string text = std::string(kAlgorithm) + "\n" + time + "\n" + scope + "\n" +
                           sha256(as_bytes(canonical_request(request, headers))).hex();
  const Digest key = signing_key(credentials.secret_key, day, service);
  const std::string signature = hmac_sha256(key.view(), as_bytes(text)).hex();
  const std::string names = signed_names(headers);
  headers.emplace_back("authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key +
                                            "/" + scope + ",SignedHeaders=" + names +
                                            ",Signature=" + signature);
  return headers;
}

}  // namespace thaw
