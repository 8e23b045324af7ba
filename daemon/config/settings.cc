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

Setting size(std::string key, uint64_t Config::*field, uint64_t least) {
  return {std::move(key),
          [field, least](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a size such as \"512MiB\"");
            THAW_ASSIGN(const uint64_t bytes, parse_size(value.get<std::string>()));
            if (bytes < least) return wrong("must be at least " + std::to_string(least / kMiB) + "MiB");
            config.*field = bytes;
            return {};
          },
          [field](const Config& config) { return Json(exact_size(config.*field)); }};
}

Setting count(std::string key, uint64_t Config::*field, uint64_t least, uint64_t most) {
  return {
      std::move(key),
      [field, least, most](Config& config, const Json& value) -> Status {
        if (!value.is_number_unsigned() || value.get<uint64_t>() < least || value.get<uint64_t>() > most) {
          return wrong("must be a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most));
        }
        config.*field = value.get<uint64_t>();
        return {};
      },
      [field](const Config& config) { return Json(config.*field); }};
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
      text("keys.url", &Config::keys_url),
      text("tenant", &Config::tenant),
      text("run_dir", &Config::run_dir),
      text("state_dir", &Config::state_dir),
      texts("trust.builders", &Config::trusted_builders),
      size("memory.size", &Config::memory_bytes, kMinMemoryBytes),
      time("read.deadline", &Config::read_deadline),
      choice("read.outage", &Config::read_outage, {"error", "wait"}),
      count("read.ahead_chunks", &Config::read_ahead_chunks, 0, 64),
      count("origin.in_flight", &Config::origin_in_flight, 1, 4096),
      time("mount.linger", &Config::mount_linger),
      text("build.spool_dir", &Config::build_spool_dir),
      count("build.max_entries", &Config::build_max_entries, 1, kMany),
      size("build.max_size", &Config::build_max_bytes, kMiB),
      count("build.max_expansion", &Config::build_max_expansion, 1, kMany),
      count("build.max_path_depth", &Config::build_max_path_depth, 1, 4096),
      size("build.max_xattr_size", &Config::build_max_xattr_bytes, 0),
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
