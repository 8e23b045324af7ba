// WebAddress: an absolute http or https URL in its parts, as servers name them: where a token is to be had,
// where a redirect leads.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thaw {

struct WebAddress {
  std::string scheme;     // "http" or "https"
  std::string authority;  // "HOST[:PORT]", in lower case, without the scheme's own port
  std::string target;     // path and query; begins with '/'

  std::string origin() const { return scheme + "://" + authority; }
  std::string text() const { return origin() + target; }
};

// Nothing for another scheme, for a user or password in it, and for bytes that a URL does not hold. The
// fragment is dropped.
std::optional<WebAddress> parse_web_address(std::string_view url);

// Where a Location header leads to from `base`: an absolute URL, "//HOST/…" or "/…".
std::optional<WebAddress> follow(const WebAddress& base, std::string_view location);

// `text` as it may stand in a query (RFC 3986).
std::string percent_encoded(std::string_view text);

}  // namespace thaw
