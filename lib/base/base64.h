// Base64 (RFC 4648, section 4) of bytes, and back.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/buffer.h"

namespace thaw {

std::string to_base64(ByteView bytes);

// Nothing for text that is not base64; padding may be missing, but not be wrong.
std::optional<std::string> from_base64(std::string_view text);

// The same into memory of the caller's, for what should be nowhere else; false also when the text stands for
// another number of bytes.
bool decode_base64(std::string_view text, MutableBytes bytes);

}  // namespace thaw
