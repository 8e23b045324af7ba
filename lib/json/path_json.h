// A path as JSON. JSON is UTF-8, which a path need not be: one that is not becomes the list of its bytes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace thaw {

bool is_utf8(const std::string& text);

nlohmann::json path_json(const std::string& path);

// Throws Json::exception, like all access to JSON, for what path_json() never makes.
std::string path_from_json(const nlohmann::json& value);
// A member of `object`; empty where there is none.
std::string path_member(const nlohmann::json& object, const char* name);

}  // namespace thaw
