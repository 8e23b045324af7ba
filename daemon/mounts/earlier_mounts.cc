#include "daemon/mounts/earlier_mounts.h"

#include "daemon/mounts/mount_state.h"
#include "daemon/mounts/namespaces.h"

namespace thaw {

std::vector<MountRequest> earlier_mounts(const std::vector<Record>& saved) {
  std::vector<MountRequest> requests;
  for (const Record& record : saved) {
    const auto state = mount_from_record(record.value);
    if (!is_mount_record(record.key) || !state.ok()) continue;
    const auto pid =
        state->target.empty() ? Result<pid_t>(state->pid) : member_of(state->mount_namespace, state->pid);
    requests.push_back({state->key, state->manifest, state->name, state->target, pid.ok() ? pid.value() : 0,
                        state->reopen, state->id});
  }
  return requests;
}

}  // namespace thaw
