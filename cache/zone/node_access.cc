#include "cache/zone/node_access.h"

#include <algorithm>

namespace thaw {
namespace {

constexpr size_t kMaxWordBytes = 255;

// memcached divides what it is sent at spaces.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxWordBytes &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c <= ' '; });
}

}  // namespace

Result<std::string> parse_login(const std::string& auth_file) {
  std::string_view line = std::string_view(auth_file).substr(0, auth_file.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_word(line.substr(0, colon)) ||
      !is_word(line.substr(colon + 1))) {
    return Error{Code::kUsage, "its first line is not USER:PASSWORD without spaces"};
  }
  return std::string(line.substr(0, colon)) + " " + std::string(line.substr(colon + 1));
}

}  // namespace thaw
