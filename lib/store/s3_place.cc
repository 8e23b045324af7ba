#include "lib/store/s3_place.h"

#include <algorithm>

#include "lib/aws/endpoint.h"
#include "lib/aws/uri_encoding.h"

namespace thaw {
namespace {

constexpr size_t kMaxPrefixBytes = 512;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What somebody wrote, for one line of an error.
std::string in_quotes(std::string_view text) {
  std::string line(text.substr(0, 200));
  std::ranges::replace_if(
      line, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return "\"" + line + "\"";
}

bool is_bucket_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 && is_alphanumeric(name.front()) &&
         std::ranges::all_of(name,
                             [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; });
}

bool is_prefix(std::string_view prefix) {
  if (prefix.size() > kMaxPrefixBytes) return false;
  while (!prefix.empty()) {
    const std::string_view part = prefix.substr(0, prefix.find('/'));
    const bool printable = std::ranges::all_of(
        part, [](unsigned char c) { return c > ' ' && c != 0x7f && c != '?' && c != '#'; });
    if (part.empty() || part == "." || part == ".." || !printable) return false;
    prefix.remove_prefix(std::min(prefix.size(), part.size() + 1));
  }
  return true;
}

}  // namespace

Result<S3Place> S3Place::parse(std::string_view url, const S3Options& options) {
  constexpr std::string_view kScheme = "s3://";
  const std::string shown = "store.url " + in_quotes(url);
  if (!url.starts_with(kScheme)) return Error{Code::kUsage, shown + " is not s3://BUCKET/PREFIX"};
  std::string_view rest = url.substr(kScheme.size());
  S3Place place;
  place.bucket_ = rest.substr(0, rest.find('/'));
  rest.remove_prefix(std::min(rest.size(), place.bucket_.size() + 1));
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (!is_bucket_name(place.bucket_)) {
    return Error{Code::kUsage, shown + " names no bucket; write s3://BUCKET/PREFIX"};
  }
  if (!is_prefix(rest)) {
    return Error{Code::kUsage, shown + ": the prefix may have no empty part, no \"..\" and no blanks"};
  }
  if (!rest.empty()) place.prefix_ = std::string(rest) + "/";
  if (!is_aws_region(options.region))
    return Error{Code::kUsage, "s3.region " + in_quotes(options.region) + " is none"};
  place.region_ = options.region;

  const std::string endpoint_url =
      options.endpoint.empty() ? "https://s3." + options.region + ".amazonaws.com" : options.endpoint;
  const auto endpoint = parse_endpoint(endpoint_url);
  if (!endpoint && endpoint_url.find('@') != std::string::npos) {
    // Not shown: it may hold a password.
    return Error{Code::kUsage,
                 "s3.endpoint may name no user; credentials come from AWS_ACCESS_KEY_ID or a file"};
  }
  if (!endpoint) {
    return Error{Code::kUsage, "s3.endpoint " + in_quotes(endpoint_url) +
                                   " is no address; write http://HOST:PORT or https://HOST, without a path"};
  }
  place.host_ = options.path_style ? endpoint->host : place.bucket_ + "." + endpoint->host;
  place.endpoint_ = endpoint->scheme + "://" + place.host_;
  if (options.path_style) place.base_path_ = "/" + uri_encode(place.bucket_, UriPart::kPath);
  return place;
}

std::string S3Place::object_path(std::string_view key) const {
  return base_path_ + "/" + uri_encode(prefix_ + std::string(key), UriPart::kPath);
}

std::string S3Place::bucket_path() const { return base_path_.empty() ? "/" : base_path_; }

}  // namespace thaw
