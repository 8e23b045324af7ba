// Lower-case hexadecimal text of bytes, and back.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/buffer.h"

namespace thaw {

std::string to_hex(ByteView bytes);

// Fills `out` from exactly 2 * out.size() lower-case digits; false on anything else.
bool from_hex(std::string_view text, MutableBytes out);

}  // namespace thaw
