#include "lib/json/path_json.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace thaw {

using Json = nlohmann::json;

bool is_utf8(const std::string& text) {
  const Json json(text);
  // The two ways of passing over a wrong byte agree only where there is none.
  return json.dump(-1, ' ', false, Json::error_handler_t::ignore) ==
         json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json path_json(const std::string& path) {
  if (is_utf8(path)) return path;
  return std::vector<uint8_t>(path.begin(), path.end());
}

std::string path_from_json(const Json& value) {
  if (!value.is_array()) return value.get<std::string>();
  const auto bytes = value.get<std::vector<uint8_t>>();
  return {bytes.begin(), bytes.end()};
}

std::string path_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? std::string() : path_from_json(*found);
}

}  // namespace thaw
