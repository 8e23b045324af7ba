// What an earlier daemon had mounted, so that the next one mounts it again.
#pragma once

#include <vector>

#include "daemon/mounts/mount_table.h"
#include "daemon/mounts/records.h"

namespace thaw {

// The saved mounts as requests to mount them again: each with its id, its `reopen`, and a process of its
// namespace. Those whose namespace is gone are left out.
std::vector<MountRequest> earlier_mounts(const std::vector<Record>& saved);

}  // namespace thaw
