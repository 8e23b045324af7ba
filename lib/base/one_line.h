// one_line: a text that goes into a message, a log line or a table, with '?' for control characters: a line
// is one line, and no terminal obeys it.
#pragma once

#include <algorithm>
#include <string>

namespace thaw {

inline std::string one_line(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace thaw
