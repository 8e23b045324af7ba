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

// kUsage when a mount on `target`, an absolute path as `pid` sees it, would cover one of them.
Status require_foreign(const std::string& target, pid_t pid, const OwnPaths& own);

}  // namespace thaw
