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

Status require_foreign(const std::string& target, pid_t pid, const OwnPaths& own) {
  const auto covered =
      std::ranges::find_if(own.paths, [&](const std::string& path) { return is_at_or_below(path, target); });
  if (covered != own.paths.end()) {
    return Error{Code::kUsage, target + ": a mount there would cover " + *covered +
                                   ", which thawd itself needs; choose another directory"};
  }
  const auto above = std::ranges::find_if(
      own.folders, [&](const std::string& folder) { return is_at_or_below(target, folder); });
  // 'thaw run' mounts below state_dir, in a namespace of its own.
  if (above == own.folders.end() || !is_seen_by_us(pid)) return {};
  return Error{Code::kUsage, target + ": a mount there would hide what thawd keeps in " + *above +
                                 "; choose another directory"};
}

}  // namespace thaw
