// remove_old_leases: what workers left that have gone for good. A lease that has lapsed counts for nothing;
// it is kept for as long again, since its worker may only have slept.
#pragma once

#include "lib/collect/collect_room.h"

namespace thaw {

// How many there were.
Result<size_t> remove_old_leases(CollectRoom& room);

}  // namespace thaw
