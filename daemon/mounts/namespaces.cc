#include "daemon/mounts/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <string>

namespace thaw {
namespace {

std::string namespace_file(pid_t pid) { return "/proc/" + std::to_string(pid) + "/ns/mnt"; }

}  // namespace

Result<uint64_t> mount_namespace_of(pid_t pid) {
  struct stat info {};
  if (::stat(namespace_file(pid).c_str(), &info) != 0) {
    return system_error("process " + std::to_string(pid), errno);
  }
  return static_cast<uint64_t>(info.st_ino);
}

std::vector<NamespaceMember> mount_namespaces() {
  std::map<uint64_t, pid_t> members;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", failure)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    const auto mount_namespace = mount_namespace_of(pid);
    if (mount_namespace.ok()) members.try_emplace(mount_namespace.value(), pid);
  }
  std::vector<NamespaceMember> all;
  for (const auto& [mount_namespace, pid] : members) all.push_back({mount_namespace, pid});
  return all;
}

Result<pid_t> member_of(uint64_t mount_namespace, pid_t hint) {
  const auto of_hint = mount_namespace_of(hint);
  if (of_hint.ok() && of_hint.value() == mount_namespace) return hint;
  for (const NamespaceMember& member : mount_namespaces()) {
    if (member.mount_namespace == mount_namespace) return member.pid;
  }
  return Error{Code::kNotFound, "the mount namespace is gone"};
}

Status enter_mount_namespace(pid_t pid) {
  const Fd fd(::open(namespace_file(pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error("process " + std::to_string(pid), errno);
  if (::setns(fd.get(), CLONE_NEWNS) != 0) {
    return system_error("enter the mount namespace of process " + std::to_string(pid), errno);
  }
  return {};
}

}  // namespace thaw
