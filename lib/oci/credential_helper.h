// ask_credential_helper: what a program docker-credential-NAME (github.com/docker/docker-credential-helpers)
// knows of a registry.
#pragma once

#include <string>

#include "lib/base/clock.h"
#include "lib/base/result.h"

namespace thaw {

struct HelperLimits {
  Duration time = std::chrono::seconds(30);  // a person may have to unlock something
  size_t answer_bytes = 64 * 1024;
};

// Its answer, a JSON object with "Username" and "Secret". The helper is found on the PATH. Blocks.
// kNotFound: it has no login for `server`. kUsage: there is no such helper. kFailed: it fails, or takes too
// long. kTimedOut and a killed helper: beyond the limits.
Result<std::string> ask_credential_helper(const std::string& name, const std::string& server,
                                          const HelperLimits& limits = {});

}  // namespace thaw
