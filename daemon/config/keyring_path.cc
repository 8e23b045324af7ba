#include "daemon/config/keyring_path.h"

namespace thaw {

Result<std::string> keyring_path(const std::string& url) {
  constexpr std::string_view kScheme = "file://";
  if (url.starts_with(kScheme) && url.size() > kScheme.size() && url[kScheme.size()] == '/') {
    return url.substr(kScheme.size());
  }
  return Error{Code::kUsage, "\"keys.url\" is \"" + url + "\"; this version knows file:///DIR only"};
}

}  // namespace thaw
