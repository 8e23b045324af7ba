#include "lib/aws/endpoint.h"

#include <algorithm>
#include <cctype>

namespace thaw {
namespace {

constexpr size_t kMaxAuthorityBytes = 300;
constexpr size_t kMaxRegionBytes = 64;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_authority(std::string_view text) {
  return !text.empty() && text.size() <= kMaxAuthorityBytes && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  });
}

}  // namespace

std::optional<AwsEndpoint> parse_endpoint(std::string_view text) {
  AwsEndpoint endpoint;
  for (const char* scheme : {"http", "https"}) {
    const std::string start = std::string(scheme) + "://";
    if (!text.starts_with(start)) continue;
    endpoint.scheme = scheme;
    text.remove_prefix(start.size());
    break;
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  if (endpoint.scheme.empty() || !is_authority(text)) return std::nullopt;
  endpoint.host = text;
  std::ranges::transform(endpoint.host, endpoint.host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string own = endpoint.scheme == "http" ? ":80" : ":443";
  const bool v6_without_port = endpoint.host.ends_with(']');
  if (!v6_without_port && endpoint.host.ends_with(own))
    endpoint.host.resize(endpoint.host.size() - own.size());
  return endpoint;
}

bool is_aws_region(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRegionBytes &&
         std::ranges::all_of(text, [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

}  // namespace thaw
