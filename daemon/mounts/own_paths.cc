#include "daemon/mounts/own_paths.h"

#include <unistd.h>

#include <algorithm>

#include "daemon/mounts/namespaces.h"

namespace thaw {

namespace {

// Of absolute paths without "." and "..".
bool is_at_or_below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder.ends_with('/') ? folder : folder + "/");
}

bool is_seen_by_us(pid_t pid) {
  const auto theirs = mount_namespace_of(pid);
  const auto ours = mount_namespace_of(::getpid());
  return !theirs.ok() || !ours.ok() || theirs.value() == ours.value();
}

}  // namespace

OwnPaths own_paths_for(pid_t pid, const OwnPaths& own) {
  // 'thaw run' mounts below state_dir, in a namespace of its own.
  return is_seen_by_us(pid) ? own : OwnPaths{.paths = own.paths};
}

Status require_foreign(const std::string& target, const OwnPaths& own) {
  const auto covered =
      std::ranges::find_if(own.paths, [&](const std::string& path) { return is_at_or_below(path, target); });
  if (covered != own.paths.end()) {
    return Error{Code::kUsage, target + ": a mount there would cover " + *covered +
                                   ", which thawd itself needs; choose another directory"};
  }
  const auto above = std::ranges::find_if(
      own.folders, [&](const std::string& folder) { return is_at_or_below(target, folder); });
  if (above == own.folders.end()) return {};
  return Error{Code::kUsage, target + ": a mount there would hide what thawd keeps in " + *above +
                                 "; choose another directory"};
}

}  // namespace thaw
