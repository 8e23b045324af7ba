#include "daemon/config/config_json.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/config/or_null.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

std::string text_or_nothing(const Json& value) { return value.is_string() ? value.get<std::string>() : ""; }

}  // namespace

Json config_json(const ConfigReading& reading) {
  Json object = read_json(config_text(reading.config));
  object["origins"] = reading.origins;
  object["file"] = or_null(reading.file);
  object["file_by"] = or_null(reading.file_by);
  return object;
}

Result<ConfigReading> read_config_json(Json object) {
  const Error wrong{Code::kUsage, "the daemon's configuration is not in a form that this program knows"};
  if (!object.is_object() || !object.contains("origins") || !object.at("origins").is_object()) return wrong;
  ConfigReading reading;
  for (const auto& [key, origin] : object.at("origins").items())
    reading.origins[key] = text_or_nothing(origin);
  reading.file = text_or_nothing(object.value("file", Json()));
  reading.file_by = text_or_nothing(object.value("file_by", Json()));
  for (const char* beside : {"origins", "file", "file_by"}) object.erase(beside);
  THAW_ASSIGN(reading.config, parse_config(object.dump(), "the daemon's configuration"));
  return reading;
}

}  // namespace thaw
