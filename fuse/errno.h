// errno_of: the one place that chooses what a reader of a block file sees for an error.
#pragma once

#include "lib/base/error.h"

namespace thaw {

// A positive errno. Damaged bytes and an unreachable store are EIO; docs/errors.md has the table.
int errno_of(Code code);

}  // namespace thaw
