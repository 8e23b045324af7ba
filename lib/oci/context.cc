#include "lib/oci/context.h"

#include "lib/base/hex.h"
#include "lib/oci/limits.h"

namespace thaw {

Error about(std::string_view subject, Error error) {
  error.message = std::string(subject) + ": " + error.message;
  return error;
}

std::string printable(std::string_view name) {
  constexpr size_t kLongest = 200;
  std::string text;
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += "\\x" + to_hex(ByteView(&byte, 1));
    } else {
      text += c;
    }
  }
  if (name.size() > kLongest) text += "...";
  return text;
}

Error over_limit(const std::string& what, const char* limit_name, uint64_t limit) {
  return Error{Code::kFailed, what + ": more than the limit " + limit_name + " (" + std::to_string(limit) +
                                  ") allows; raise it if the image is to be trusted"};
}

}  // namespace thaw
