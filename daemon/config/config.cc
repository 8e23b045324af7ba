#include "daemon/config/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/config/config_reader.h"
#include "daemon/config/settings.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

// One line of a document with comments; settings of one group stand together in the table.
std::string commented_line(const Setting& setting, const std::string& indent, const Config& config) {
  const std::string name = setting.key.substr(setting.key.find('.') + 1);
  const std::string when = setting.takes == Takes::kRestart ? " (taken when thawd starts)" : "";
  return indent + "// " + setting.about + when + "\n" + indent + Json(name).dump() + ": " +
         setting.write(config).dump();
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& origin) {
  return accepted(read_config(text, origin));
}

Result<Config> load_config(const std::string& path) {
  THAW_ASSIGN(ConfigReading reading, read_config_file(path));
  return accepted(std::move(reading));
}

std::string config_text(const Config& config) {
  Json document = Json::object();
  for (const Setting& setting : settings()) {
    std::string pointer = "/" + setting.key;
    std::ranges::replace(pointer, '.', '/');
    document[Json::json_pointer(pointer)] = setting.write(config);
  }
  return document.dump(2);
}

std::string commented_config_text(const Config& config) {
  std::string text = "{";
  std::string group;
  for (const Setting& setting : settings()) {
    const size_t dot = setting.key.find('.');
    const std::string its_group = dot == std::string::npos ? "" : setting.key.substr(0, dot);
    const bool same = its_group == group;
    if (!same && !group.empty()) text += "\n  }";
    if (text.size() > 1) text += ",";
    text += "\n";
    if (!same && !its_group.empty()) text += "  " + Json(its_group).dump() + ": {\n";
    text += commented_line(setting, its_group.empty() ? "  " : "    ", config);
    group = its_group;
  }
  return text + (group.empty() ? "\n}\n" : "\n  }\n}\n");
}

std::vector<std::string> changed_keys(const Config& before, const Config& after) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
    if (setting.write(before) != setting.write(after)) keys.push_back(setting.key);
  }
  return keys;
}

}  // namespace thaw
