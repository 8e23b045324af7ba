// What the daemon itself works with, and that no image may be mounted over: it would wait for itself.
//
// Pure. Any thread.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

// kUsage when a mount on `target`, an absolute path, would cover one of `own_paths`.
Status require_uncovered(const std::string& target, const std::vector<std::string>& own_paths);

}  // namespace thaw
