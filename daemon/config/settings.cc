#include "daemon/config/settings.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace thaw {
namespace {

using Json = nlohmann::json;

Error wrong(const std::string& what) { return Error{Code::kUsage, what}; }

Setting text(std::string key, std::string Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_string() || value.get_ref<const std::string&>().empty())
              return wrong("must be a text");
            config.*field = value.get<std::string>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

// A text that may be empty: what it names is then not used.
Setting optional_text(std::string key, std::string Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a text");
            config.*field = value.get<std::string>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting yes_or_no(std::string key, bool Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_boolean()) return wrong("must be true or false");
            config.*field = value.get<bool>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting choice(std::string key, std::string Config::*field, std::vector<std::string> allowed) {
  return {std::move(key),
          [field, allowed = std::move(allowed)](Config& config, const Json& value) -> Status {
            if (value.is_string() && std::ranges::count(allowed, value.get<std::string>()) > 0) {
              config.*field = value.get<std::string>();
              return {};
            }
            std::string list;
            for (const std::string& word : allowed) list += (list.empty() ? "\"" : ", \"") + word + "\"";
            return wrong("must be one of " + list);
          },
          [field](const Config& config) { return Json(config.*field); }};
}

// The largest unit that says the size exactly, so that what is shown can be read back.
std::string exact_size(uint64_t bytes) {
  if (bytes > 0 && bytes % kGiB == 0) return std::to_string(bytes / kGiB) + "GiB";
  if (bytes > 0 && bytes % kMiB == 0) return std::to_string(bytes / kMiB) + "MiB";
  return std::to_string(bytes) + "B";
}

std::string exact_time(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + "s";
  return std::to_string(time.count()) + "ms";
}

// Where a number stands in a configuration.
using Number = std::function<uint64_t&(Config&)>;

Number number(uint64_t Config::*field) {
  return [field](Config& config) -> uint64_t& { return config.*field; };
}

Number limit(uint64_t Limits::*field) {
  return [field](Config& config) -> uint64_t& { return config.build_limits.*field; };
}

uint64_t value_of(const Number& field, Config config) { return field(config); }

Setting size(std::string key, const Number& field, uint64_t least) {
  return {std::move(key),
          [field, least](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a size such as \"512MiB\"");
            THAW_ASSIGN(const uint64_t bytes, parse_size(value.get<std::string>()));
            if (bytes < least) return wrong("must be at least " + exact_size(least));
            field(config) = bytes;
            return {};
          },
          [field](const Config& config) { return Json(exact_size(value_of(field, config))); }};
}

Setting count(std::string key, const Number& field, uint64_t least, uint64_t most) {
  return {
      std::move(key),
      [field, least, most](Config& config, const Json& value) -> Status {
        if (!value.is_number_unsigned() || value.get<uint64_t>() < least || value.get<uint64_t>() > most) {
          return wrong("must be a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most));
        }
        field(config) = value.get<uint64_t>();
        return {};
      },
      [field](const Config& config) { return Json(value_of(field, config)); }};
}

Setting time(std::string key, std::chrono::milliseconds Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a time such as \"30s\"");
            THAW_ASSIGN(config.*field, parse_duration(value.get<std::string>()));
            return {};
          },
          [field](const Config& config) { return Json(exact_time(config.*field)); }};
}

Setting texts(std::string key, std::vector<std::string> Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            const bool good = value.is_array() &&
                              std::ranges::all_of(value, [](const Json& item) { return item.is_string(); });
            if (!good) return wrong("must be a list of texts");
            config.*field = value.get<std::vector<std::string>>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

std::vector<Setting> make_settings() {
  constexpr uint64_t kMany = std::numeric_limits<uint32_t>::max();
  return {
      text("store.url", &Config::store_url),
      optional_text("s3.endpoint", &Config::s3_endpoint),
      text("s3.region", &Config::s3_region),
      yes_or_no("s3.path_style", &Config::s3_path_style),
      optional_text("s3.ca_file", &Config::s3_ca_file),
      text("keys.url", &Config::keys_url),
      text("tenant", &Config::tenant),
      text("run_dir", &Config::run_dir),
      text("state_dir", &Config::state_dir),
      texts("trust.builders", &Config::trusted_builders),
      size("memory.size", number(&Config::memory_bytes), kMinMemoryBytes),
      choice("memory.eviction", &Config::memory_eviction, {"s3-fifo", "lru-k"}),
      yes_or_no("prefetch.replay", &Config::prefetch_replay),
      optional_text("flash.path", &Config::flash_path),
      size("flash.size", number(&Config::flash_bytes), kMinFlashBytes),
      choice("flash.admit", &Config::flash_admit, {"all", "second"}),
      count("flash.daily_rewrites", number(&Config::flash_daily_rewrites), 1, 10'000),
      texts("zone.nodes", &Config::zone_nodes),
      count("zone.data_shards", number(&Config::zone_data_shards), 1, 32),
      count("zone.parity_shards", number(&Config::zone_parity_shards), 0, 16),
      yes_or_no("zone.tls", &Config::zone_tls),
      optional_text("zone.ca_file", &Config::zone_ca_file),
      optional_text("zone.auth_file", &Config::zone_auth_file),
      optional_text("metrics.listen", &Config::metrics_listen),
      time("read.deadline", &Config::read_deadline),
      choice("read.outage", &Config::read_outage, {"error", "wait"}),
      count("read.ahead_chunks", number(&Config::read_ahead_chunks), 0, 64),
      count("origin.in_flight", number(&Config::origin_in_flight), 1, 4096),
      time("mount.linger", &Config::mount_linger),
      text("build.spool_dir", &Config::build_spool_dir),
      count("build.max_layers", limit(&Limits::max_layers), 1, kMany),
      count("build.max_entries", limit(&Limits::max_entries), 1, kMany),
      size("build.max_expanded_bytes", limit(&Limits::max_expanded_bytes), 1),
      count("build.max_expansion_ratio", limit(&Limits::max_expansion_ratio), 1, kMany),
      size("build.expansion_floor_bytes", limit(&Limits::expansion_floor_bytes), 0),
      size("build.max_file_bytes", limit(&Limits::max_file_bytes), 1),
      count("build.max_path_bytes", limit(&Limits::max_path_bytes), 1, 64 * kKiB),
      count("build.max_path_depth", limit(&Limits::max_path_depth), 1, 8192),
      size("build.max_xattr_bytes", limit(&Limits::max_xattr_bytes), 0),
      size("build.max_xattr_bytes_total", limit(&Limits::max_xattr_bytes_total), 0),
      size("build.max_header_bytes", limit(&Limits::max_header_bytes), kKiB),
      count("build.max_sparse_ranges", limit(&Limits::max_sparse_ranges), 1, kMany),
      size("build.max_metadata_bytes", limit(&Limits::max_metadata_bytes), kMiB),
      size("build.max_json_bytes", limit(&Limits::max_json_bytes), kKiB),
      count("build.max_json_depth", limit(&Limits::max_json_depth), 1, 512),
      text("run.runtime", &Config::run_runtime),
      choice("log.level", &Config::log_level, {"debug", "info", "warn", "error"}),
  };
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = make_settings();
  return table;
}

std::string nearest_key(const std::string& key) {
  const auto best = std::ranges::min_element(settings(), {}, [&key](const Setting& setting) {
    const std::string leaf = setting.key.substr(setting.key.find_last_of('.') + 1);
    return std::min(edit_distance(key, setting.key),
                    edit_distance(key.substr(key.find_last_of('.') + 1), leaf) + 1);
  });
  return best->key;
}

}  // namespace thaw
