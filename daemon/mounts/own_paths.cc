#include "daemon/mounts/own_paths.h"

#include <algorithm>

namespace thaw {

Status require_uncovered(const std::string& target, const std::vector<std::string>& own_paths) {
  const std::string folder = target.ends_with('/') ? target : target + "/";
  const auto own = std::ranges::find_if(
      own_paths, [&](const std::string& path) { return path == target || path.starts_with(folder); });
  if (own == own_paths.end()) return {};
  return Error{Code::kUsage, target + ": a mount there would cover " + *own +
                                 ", which thawd itself needs; choose another directory"};
}

}  // namespace thaw
