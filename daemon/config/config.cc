#include "daemon/config/config.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "daemon/config/listen_address.h"
#include "daemon/config/settings.h"
#include "lib/base/file.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxConfigBytes = kMiB;

const Setting* find_setting(const std::string& key) {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

bool is_group(const std::string& key) {
  return std::ranges::any_of(settings(), [&key](const Setting& s) { return s.key.starts_with(key + "."); });
}

Status read_setting(Config& config, const std::string& key, const Json& value) {
  const Setting* setting = find_setting(key);
  if (setting == nullptr) {
    return Error{Code::kUsage, "unknown key \"" + key + "\"; did you mean \"" + nearest_key(key) + "\"?"};
  }
  const Status done = setting->read(config, value);
  if (!done.ok()) return Error{Code::kUsage, "\"" + key + "\": " + done.error().message};
  return {};
}

Status read_group(Config& config, const std::string& group, const Json& values) {
  if (!values.is_object()) return Error{Code::kUsage, "\"" + group + "\" must be an object { … }"};
  for (const auto& [name, value] : values.items()) {
    THAW_TRY(read_setting(config, group + "." + name, value));
  }
  return {};
}

Status read_key(Config& config, const std::string& key, const Json& value) {
  // An unknown group is named with its first key: "memmory.size" lies nearer to "memory.size" than "memmory".
  const bool group = is_group(key) || (value.is_object() && !value.empty());
  return group ? read_group(config, key, value) : read_setting(config, key, value);
}

Status check_zone(const Config& config) {
  const uint64_t shards = config.zone_data_shards + config.zone_parity_shards;
  if (config.zone_nodes.size() < shards) {
    return Error{Code::kUsage, "\"zone.nodes\": " + std::to_string(config.zone_nodes.size()) + " nodes for " +
                                   std::to_string(shards) + " shards; name more, or lower zone.data_shards"};
  }
  for (const std::string& node : config.zone_nodes) {
    const auto address = ListenAddress::parse(node.substr(0, node.find('@')));
    if (!address.ok()) return Error{Code::kUsage, "\"zone.nodes\": " + address.error().message};
  }
  if (!config.zone_ca_file.empty() && !config.zone_tls) {
    return Error{Code::kUsage, "\"zone.ca_file\": it is for TLS only; set zone.tls to true too"};
  }
  return {};
}

Status check_values(const Config& config) {
  for (const std::string* path : {&config.run_dir, &config.state_dir, &config.build_spool_dir}) {
    if (!path->starts_with("/")) return Error{Code::kUsage, "\"" + *path + "\" must be an absolute path"};
  }
  if (!config.flash_path.empty() && !config.flash_path.starts_with("/")) {
    return Error{Code::kUsage, "\"flash.path\" must be an absolute path"};
  }
  if (!config.zone_nodes.empty()) THAW_TRY(check_zone(config));
  if (!config.metrics_listen.empty()) {
    const auto address = ListenAddress::parse(config.metrics_listen);
    if (!address.ok()) return Error{Code::kUsage, "\"metrics.listen\": " + address.error().message};
  }
  return {};
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& origin) {
  Config config;
  Status done;
  try {
    const Json document = Json::parse(text, nullptr, true, true);
    if (!document.is_object()) done = Error{Code::kUsage, "must be one JSON object"};
    for (auto item = document.begin(); done.ok() && item != document.end(); ++item) {
      done = read_key(config, item.key(), item.value());
    }
  } catch (const Json::exception& e) {
    done = Error{Code::kUsage, std::string("not valid JSON: ") + e.what()};
  }
  if (done.ok()) done = check_values(config);
  if (!done.ok()) return Error{Code::kUsage, origin + ": " + done.error().message};
  return config;
}

Result<Config> load_config(const std::string& path) {
  std::string file = path;
  if (const char* from_environment = std::getenv("THAW_CONFIG");
      file.empty() && from_environment != nullptr) {
    file = from_environment;
  }
  const bool optional = file.empty();
  if (optional) file = kDefaultConfigFile;
  const auto text = read_file(file, kMaxConfigBytes);
  if (!text.ok()) {
    if (optional && text.error().code == Code::kNotFound) return Config{};
    return Error{Code::kUsage, "configuration " + text.error().message + "; name it with --config FILE"};
  }
  return parse_config(std::string(as_text(text.value().view())), file);
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

std::vector<std::string> changed_keys(const Config& before, const Config& after) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) {
    if (setting.write(before) != setting.write(after)) keys.push_back(setting.key);
  }
  return keys;
}

}  // namespace thaw
