// JSON as text, whatever strings are in it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace thaw {

// As dump() writes it, by default on one line; but bytes that are no UTF-8 become U+FFFD, where dump()
// throws.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace thaw
