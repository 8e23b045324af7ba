// remove_objects: takes away all of a deleted root but its root.json, in batches.
#pragma once

#include "lib/build/progress.h"
#include "lib/collect/collect_room.h"

namespace thaw {

struct RemovedObjects {
  uint64_t objects = 0;
  uint64_t bytes = 0;
};

// Looks for alarms of the root before each batch: kRefused when there is one. REQUIRES: the root is deleted,
// and nothing live is in it alone
Result<RemovedObjects> remove_objects(CollectRoom& room, const RootId& root, const ProgressFn& progress);

}  // namespace thaw
