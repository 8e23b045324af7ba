// The folder of the embedded key service that `keys.url` names.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace thaw {

// "/etc/thaw/keys" of "file:///etc/thaw/keys"; kUsage for another kind of URL.
Result<std::string> keyring_path(const std::string& url);

}  // namespace thaw
