// The kernel's side of a FUSE mount: what the process that outlives all sessions does itself.
#pragma once

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

// Opens /dev/fuse and mounts it on `folder`, which exists; read-only, for all users as far as the files'
// modes allow. Does not wait for anybody to serve it. The mount ends with umount(2); once every copy of the
// returned descriptor is closed, all access to it fails with ENOTCONN. Needs root (CAP_SYS_ADMIN).
Result<Fd> mount_fuse(const std::string& folder);

}  // namespace thaw
