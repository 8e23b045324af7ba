// Alarms: somebody needed what lies in an expired root. As long as a root has one, it is not deleted.
#pragma once

#include <vector>

#include "lib/collect/collect_room.h"

namespace thaw {

// Those of one root. One that cannot be read is an alarm all the same.
Result<std::vector<Alarm>> read_alarms(CollectRoom& room, const RootId& root);

// kRefused with what they say, when there are any.
Status refuse_alarms(CollectRoom& room, const RootId& root);

// Takes them away, because a person has looked; keeps the reason with the root. How many there were.
// kNotFound when there are none, kUsage without a reason.
Result<size_t> clear_alarms(CollectRoom& room, const RootId& root, const std::string& reason);

}  // namespace thaw
