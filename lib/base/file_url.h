// The path of a file:// URL.
//
// Pure. Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace thaw {

// "/DIR" of "file:///DIR", as it stands there: it may be relative or empty. Nothing of any other URL.
inline std::optional<std::string> path_of_file_url(std::string_view url) {
  constexpr std::string_view kFile = "file://";
  if (!url.starts_with(kFile)) return std::nullopt;
  return std::string(url.substr(kFile.size()));
}

}  // namespace thaw
