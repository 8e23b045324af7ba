// Random bytes from OpenSSL's generator. Throws when it has no entropy: nothing sensible can follow.
#pragma once

#include <cstdint>

#include "lib/base/buffer.h"

namespace thaw {

void fill_random(MutableBytes out);
// For seeds and jitter.
uint64_t random_number();

}  // namespace thaw
