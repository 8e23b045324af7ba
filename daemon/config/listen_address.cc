#include "daemon/config/listen_address.h"

#include <charconv>

namespace thaw {

Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  const Error wrong{Code::kUsage, "\"" + text + "\" is no address; write HOST:PORT, as in 127.0.0.1:9464"};
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return wrong;
  ListenAddress address{text.substr(0, colon), 0};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || stopped != end || address.port < 1 || address.port > 65535) return wrong;
  return address;
}

}  // namespace thaw
