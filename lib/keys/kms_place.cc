#include "lib/keys/kms_place.h"

#include <algorithm>
#include <array>

#include "lib/keys/uri_attributes.h"

namespace thaw {
namespace {

constexpr std::string_view kKmsScheme = "aws-kms:";
constexpr size_t kMaxPrefixBytes = 128;  // an alias has at most 256

Error wrong_place(const std::string& what) { return {Code::kUsage, what}; }

bool is_alias_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '/';
}

// "aws/" is the service's own.
bool is_alias_prefix(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPrefixBytes && std::ranges::all_of(text, is_alias_char) &&
         !text.starts_with('/') && !text.ends_with('/') && text.find("//") == std::string_view::npos &&
         text != "aws" && !text.starts_with("aws/");
}

bool is_loopback(const AwsEndpoint& endpoint) {
  for (const std::string_view own : {"localhost", "127.0.0.1", "[::1]"}) {
    if (endpoint.host == own || endpoint.host.starts_with(std::string(own) + ":")) return true;
  }
  return false;
}

Status take_endpoint(const std::string& named, KmsPlace& place) {
  const auto endpoint =
      parse_endpoint(named.empty() ? "https://kms." + place.region + ".amazonaws.com" : named);
  if (!endpoint) return wrong_place("\"endpoint\" is no address; write https://HOST[:PORT], without a path");
  if (endpoint->scheme != "https" && !is_loopback(*endpoint))
    return wrong_place("\"endpoint\" must be https://…: keys would go over the network in the clear");
  place.endpoint = *endpoint;
  return {};
}

}  // namespace

Result<KmsPlace> KmsPlace::parse(std::string_view url) {
  KmsPlace place;
  if (!is_one(url)) return wrong_place("it is no aws-kms: URL");
  url.remove_prefix(kKmsScheme.size());
  const size_t query = std::min(url.find('?'), url.size());
  place.prefix = url.substr(0, query);
  if (!is_alias_prefix(place.prefix))
    return wrong_place("aws-kms: needs the beginning of its aliases, as in aws-kms:thaw?region=…");
  std::string endpoint;
  const std::array attributes{UriAttribute{"region", &place.region},
                              UriAttribute{"endpoint", &endpoint},
                              UriAttribute{"ca-file", &place.ca_file},
                              UriAttribute{"credentials", &place.credentials.file},
                              UriAttribute{"profile", &place.credentials.profile},
                              UriAttribute{"builder-keys", &place.builder_folder}};
  THAW_TRY(take_uri_attributes(attributes, url.substr(std::min(query + 1, url.size())), '&',
                               "docs/formats/aws-kms.md"));
  if (!is_aws_region(place.region)) return wrong_place("aws-kms: needs region=REGION");
  THAW_TRY(take_endpoint(endpoint, place));
  if (!place.ca_file.empty()) THAW_TRY(take_path("ca-file", place.ca_file));
  if (!place.credentials.file.empty()) THAW_TRY(take_path("credentials", place.credentials.file));
  if (!place.builder_folder.empty()) THAW_TRY(take_path("builder-keys", place.builder_folder));
  return place;
}

}  // namespace thaw
