// store_time: what time it is by the store's own clock: seconds since 1970. No other clock is asked when
// something is about to be deleted.
#pragma once

#include <cstdint>

#include "lib/store/catalog.h"

namespace thaw {

// Puts an object and looks when the store says that it was put.
Result<uint64_t> store_time(Catalog& catalog);

// Whether it was put more than `seconds` before `now`, by what the store tells; false where it does not tell.
bool is_older_than(const ListedObject& object, uint64_t now, uint64_t seconds);

}  // namespace thaw
