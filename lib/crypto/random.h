// Random bytes from OpenSSL's generator. Throws when it has no entropy: nothing sensible can follow.
#pragma once

#include "lib/base/buffer.h"

namespace thaw {

void fill_random(MutableBytes out);

}  // namespace thaw
