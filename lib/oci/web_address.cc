#include "lib/oci/web_address.h"

#include <algorithm>
#include <cctype>

namespace thaw {
namespace {

bool is_url_byte(unsigned char c) {
  return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' && c != '\\';
}

bool is_authority(std::string_view text) {
  const auto good = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
  };
  return !text.empty() && text.front() != ':' && std::ranges::all_of(text, good);
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

}  // namespace

std::optional<WebAddress> parse_web_address(std::string_view url) {
  url = url.substr(0, url.find('#'));
  const size_t colon = url.find("://");
  if (colon == std::string_view::npos || !std::ranges::all_of(url, is_url_byte)) return std::nullopt;
  WebAddress address;
  address.scheme = lowered(url.substr(0, colon));
  if (address.scheme != "http" && address.scheme != "https") return std::nullopt;
  const std::string_view rest = url.substr(colon + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  if (!is_authority(rest.substr(0, end))) return std::nullopt;
  address.authority = lowered(rest.substr(0, end));
  const std::string_view usual = address.scheme == "https" ? ":443" : ":80";
  if (address.authority.ends_with(usual)) {
    address.authority.erase(address.authority.size() - usual.size());
  }
  address.target = rest.substr(end);
  if (!address.target.starts_with('/')) address.target.insert(0, "/");
  return address;
}

std::optional<WebAddress> follow(const WebAddress& base, std::string_view location) {
  if (location.starts_with("//")) return parse_web_address(base.scheme + ":" + std::string(location));
  if (location.starts_with('/')) return parse_web_address(base.origin() + std::string(location));
  return parse_web_address(location);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
    }
  }
  return encoded;
}

}  // namespace thaw
