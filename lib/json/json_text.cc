#include "lib/json/json_text.h"

#include <nlohmann/json.hpp>

namespace thaw {

nlohmann::json read_json(std::string_view text) { return nlohmann::json::parse(text, nullptr, false); }

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace thaw
