// Context for errors: what an error is about, and names out of an image made fit for a message.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

// The same error with "subject: " in front of its message.
Error about(std::string_view subject, Error error);

// `name` for a one-line message: control bytes as \xNN, and not more than 200 bytes of it.
std::string printable(std::string_view name);

inline Error damaged(std::string message) { return Error{Code::kDamaged, std::move(message)}; }

}  // namespace thaw
