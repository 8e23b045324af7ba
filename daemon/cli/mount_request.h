// What every request for a mount says, and the options that it is made from.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/cli/command.h"

namespace thaw {

struct ImageToMount {
  std::string name;
  std::string tenant;  // empty: the configured one
  std::string outage;  // empty: the configured one
  bool allow_rollback = false;
};

// The body of POST /v1/mounts, but for where it is to be.
nlohmann::json mount_request(const Invocation& invocation, const ImageToMount& options);

}  // namespace thaw
