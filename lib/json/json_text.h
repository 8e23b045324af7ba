// JSON from and to text. One place for both: the library's parser, compiled in each room, took seconds of
// each.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace thaw {

// Discarded (is_discarded(), and no object, array or anything else) if the text is not JSON.
nlohmann::json read_json(std::string_view text);

// As dump() writes it, by default on one line; but bytes that are no UTF-8 become U+FFFD, where dump()
// throws.
std::string json_text(const nlohmann::json& value, int indent = -1);

}  // namespace thaw
