// or_null: a text as JSON; null for none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace thaw {

inline nlohmann::json or_null(const std::string& text) {
  return text.empty() ? nlohmann::json(nullptr) : nlohmann::json(text);
}

}  // namespace thaw
