// How AWS Signature Version 4 wants paths and queries encoded: the same for the address and for the
// signature. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace thaw {

// RFC 3986: all but letters, digits and "-._~" as %XX; "/" stays in a path.
enum class UriPart : uint8_t { kPath, kQuery };
std::string uri_encode(std::string_view text, UriPart part);

// Names and values as they are meant; the encoding is done here.
using AwsQuery = std::vector<std::pair<std::string, std::string>>;

// "a=1&b=2", sorted by name and encoded.
std::string canonical_query(AwsQuery query);

}  // namespace thaw
