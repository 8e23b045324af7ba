#include "daemon/config/config_reader.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "cache/zone/zone_node.h"
#include "daemon/config/listen_address.h"
#include "daemon/config/settings.h"
#include "lib/base/file.h"
#include "lib/base/hex.h"
#include "lib/keys/keyring.h"
#include "lib/manifest/image_name.h"
#include "lib/store/open_store.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxConfigBytes = kMiB;
constexpr size_t kPublicKeyBytes = 32;
constexpr size_t kMaxZoneNameBytes = 256;
// A socket's path has at most 107 bytes (unix(7)); the daemon's is run_dir/thaw.sock.
constexpr size_t kMaxRunDirBytes = 97;

// Characters of a text that is being parsed; `line` counts.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int* line) : at_(at), line_(line) {}

  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }
  bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

// Reads one text. Goes on after a problem, so that all are told at once.
class ConfigReader {
 public:
  ConfigReader(const std::string& text, const std::string& origin) : text_(text), origin_(origin) {
    reading_.file = origin;
  }

  ConfigReading read() && {
    const Json document = parse();
    for (const auto& [key, value] : document.items()) read_key(key, value);
    check_values();
    for (const Setting& setting : settings()) {
      const auto named = lines_.find(setting.key);
      reading_.origins[setting.key] = named == lines_.end() ? "default" : place(named->second);
    }
    return std::move(reading_);
  }

 private:
  Json parse() {
    int line = 1;
    std::string group;
    const auto note = [&](int depth, Json::parse_event_t event, Json& name) {
      if (event != Json::parse_event_t::key || depth > 2) return true;
      if (depth == 1) group = name.get<std::string>();
      note_key(depth == 1 ? group : group + "." + name.get<std::string>(), line);
      return true;
    };
    try {
      Json document = Json::parse(LineCounter(text_.data(), &line),
                                  LineCounter(text_.data() + text_.size(), &line), note, true, true);
      if (document.is_object()) return document;
      reading_.problems.push_back(origin_ + ": must be one JSON object");
    } catch (const Json::exception& e) {
      // Without the library's "[json.exception.parse_error.101] ".
      const std::string why = e.what();
      const size_t end = why.find("] ");
      reading_.problems.push_back(
          origin_ + ": not valid JSON: " + (end == std::string::npos ? why : why.substr(end + 2)));
    }
    return Json::object();
  }

  // What stands twice would otherwise be forgotten without a word.
  void note_key(const std::string& key, int line) {
    const auto [first, is_new] = lines_.try_emplace(key, line);
    if (is_new) return;
    problem(key, "stands here and on line " + std::to_string(first->second) + "; leave one of them", line);
  }

  void read_key(const std::string& key, const Json& value) {
    // An unknown group is named with its first key: "memmory.size" lies nearer to "memory.size" than
    // "memmory".
    const bool group = is_setting_group(key) || (value.is_object() && !value.empty());
    if (!group) return read_value(key, value);
    if (!value.is_object()) return problem(key, "must be an object { … }");
    for (const auto& [name, inner] : value.items()) read_value(key + "." + name, inner);
  }

  void read_value(const std::string& key, const Json& value) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) {
      reading_.problems.push_back(place(line_of(key)) + ": unknown key \"" + key + "\"; did you mean \"" +
                                  nearest_key(key) + "\"?");
      return;
    }
    if (const Status done = setting->read(reading_.config, value); !done.ok())
      problem(key, done.error().message);
  }

  void check_values() {
    const Config& config = reading_.config;
    check_path("run_dir", config.run_dir);
    check_run_dir(config.run_dir);
    check_path("state_dir", config.state_dir);
    if (config.state_dir.find_first_of(",:\\") != std::string::npos) {
      problem("state_dir",
              "may have no , : or \\, which separate the options of overlayfs; choose another one");
    }
    check_path("build.spool_dir", config.build_spool_dir);
    if (!config.flash_path.empty()) check_path("flash.path", config.flash_path);
    check_address("metrics.listen", config.metrics_listen);
    check("store.url",
          check_store_url(config.store_url, {config.s3_endpoint, config.s3_region, config.s3_path_style}));
    check("keys.url", check_keys_url(config.keys_url));
    check("tenant", check_tenant(config.tenant));
    for (const std::string& key : config.trusted_builders) {
      std::array<uint8_t, kPublicKeyBytes> bytes{};
      if (!from_hex(key, bytes)) problem("trust.builders", "\"" + key + "\" is not 64 hexadecimal digits");
    }
    if (reading_.config.salts_by_zone.size() > kMaxZoneNameBytes)
      problem("salts.by_zone", "must have at most " + std::to_string(kMaxZoneNameBytes) + " bytes");
    check_zone();
  }

  void check(const std::string& key, const Status& right) {
    if (!right.ok()) problem(key, right.error().message);
  }

  void check_path(const std::string& key, const std::string& path) {
    if (!path.starts_with("/")) problem(key, "\"" + path + "\" must be an absolute path");
  }

  // Block files lie there, whose paths other programs take (docs/operating.md).
  void check_run_dir(const std::string& path) {
    const auto is_plain = [](unsigned char c) {
      return c < 0x80 && (std::isalnum(c) != 0 || c == '.' || c == '_' || c == '/' || c == '-');
    };
    if (!std::ranges::all_of(path, is_plain)) {
      problem("run_dir", "\"" + path + "\" may have letters, digits and . _ / - only; choose another one");
    }
    if (path.size() > kMaxRunDirBytes) {
      problem("run_dir", "must have at most " + std::to_string(kMaxRunDirBytes) +
                             " bytes, for a socket lies in it; choose a shorter one");
    }
  }

  void check_address(const std::string& key, const std::string& text) {
    if (text.empty()) return;
    const auto address = ListenAddress::parse(text);
    if (!address.ok()) problem(key, address.error().message);
  }

  void check_zone() {
    const Config& config = reading_.config;
    if (config.zone_nodes.empty()) return;
    const uint64_t shards = config.zone_data_shards + config.zone_parity_shards;
    if (config.zone_nodes.size() < shards) {
      problem("zone.nodes", std::to_string(config.zone_nodes.size()) + " nodes for " +
                                std::to_string(shards) + " shards; name more, or lower zone.data_shards");
    }
    const auto nodes = parse_zone_nodes(config.zone_nodes);
    if (!nodes.ok()) problem("zone.nodes", nodes.error().message);
    if (!config.zone_ca_file.empty() && !config.zone_tls)
      problem("zone.ca_file", "it is for TLS only; set zone.tls to true too");
  }

  int line_of(const std::string& key) const {
    const auto found = lines_.find(key);
    return found == lines_.end() ? 0 : found->second;
  }
  std::string place(int line) const { return line == 0 ? origin_ : origin_ + ":" + std::to_string(line); }
  void problem(const std::string& key, const std::string& what) { problem(key, what, line_of(key)); }
  void problem(const std::string& key, const std::string& what, int line) {
    reading_.problems.push_back(place(line) + ": \"" + key + "\": " + what);
  }

  const std::string& text_;
  const std::string origin_;
  std::map<std::string, int> lines_;  // of groups and keys
  ConfigReading reading_;
};

}  // namespace

ConfigReading read_config(const std::string& text, const std::string& origin) {
  return ConfigReader(text, origin).read();
}

Result<ConfigReading> read_config_file(const std::string& path) {
  std::string file = path;
  std::string named_by = path.empty() ? "" : "--config";
  if (const char* from_environment = std::getenv("THAW_CONFIG");
      file.empty() && from_environment != nullptr) {
    file = from_environment;
    named_by = "THAW_CONFIG";
  }
  const bool optional = file.empty();
  if (optional) {
    file = kDefaultConfigFile;
    named_by.clear();
  }
  const auto text = read_file(file, kMaxConfigBytes);
  if (!text.ok()) {
    if (!optional || text.error().code != Code::kNotFound)
      return Error{Code::kUsage, "configuration " + text.error().message + "; name it with --config FILE"};
    return read_config("{}", "");
  }
  ConfigReading reading = read_config(std::string(as_text(text.value().view())), file);
  reading.file_by = named_by;
  return reading;
}

Result<Config> accepted(ConfigReading reading) {
  if (reading.problems.empty()) return std::move(reading.config);
  std::string message = reading.problems.front();
  if (const size_t more = reading.problems.size() - 1; more > 0)
    message += " (and " + std::to_string(more) + " more; see 'thaw config check')";
  return Error{Code::kUsage, message};
}

}  // namespace thaw
