// AwsEndpoint: the server of a service, as somebody wrote it: http[s]://HOST[:PORT], without a path. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thaw {

struct AwsEndpoint {
  std::string scheme;  // "https"
  std::string host;    // with ":PORT" unless it is the scheme's own, as a Host header has it; lower case

  std::string url() const { return scheme + "://" + host; }
};

std::optional<AwsEndpoint> parse_endpoint(std::string_view text);

bool is_aws_region(std::string_view text);

}  // namespace thaw
