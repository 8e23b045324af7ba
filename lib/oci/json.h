// JSON documents of an image: parsed within limits, and read without trust.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/oci/limits.h"

namespace thaw {

using Json = nlohmann::json;

// kDamaged for what is not one JSON object or array; kFailed beyond max_json_bytes or max_json_depth.
Result<Json> parse_json(std::string_view text, const Limits& limits);

// The member of an object; null when it has none, or is no object.
const Json& member(const Json& object, const char* key);

// Absent or null gives the empty value; another type is kDamaged.
Result<std::string> text_member(const Json& object, const char* key);
Result<std::vector<std::string>> list_member(const Json& object, const char* key);

}  // namespace thaw
