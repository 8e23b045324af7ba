// What the daemon itself works with, and that no image may be mounted over: it would wait for itself.
//
// Any thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

struct OwnPaths {
  std::vector<std::string> paths{};    // may not be covered
  std::vector<std::string> folders{};  // nor may anything below these
};

// Those that a mount in the namespace of `pid` may not cover or hide.
OwnPaths own_paths_for(pid_t pid, const OwnPaths& own);

// kUsage when a mount on `target`, an absolute path, would cover or hide one of them.
Status require_foreign(const std::string& target, const OwnPaths& own);

}  // namespace thaw
