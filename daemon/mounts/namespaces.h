// Mount namespaces, named by the inode number of /proc/PID/ns/mnt. None is ever held open: that would keep
// its mounts alive after its last process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

// kNotFound when there is no such process.
Result<uint64_t> mount_namespace_of(pid_t pid);

struct NamespaceMember {
  uint64_t mount_namespace = 0;
  pid_t pid = 0;
};

// One process of each mount namespace that has any.
std::vector<NamespaceMember> mount_namespaces();

// A process of the namespace, `hint` if it is one; kNotFound when the namespace is gone.
Result<pid_t> member_of(uint64_t mount_namespace, pid_t hint);

// Moves this process there. REQUIRES: it has one thread.
Status enter_mount_namespace(pid_t pid);

}  // namespace thaw
