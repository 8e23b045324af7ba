#include "daemon/config/setting_kinds.h"

#include <algorithm>
#include <utility>

namespace thaw {

namespace {

using Json = nlohmann::json;

Error wrong(const std::string& what) { return Error{Code::kUsage, what}; }

// The largest unit that says the size exactly, so that what is shown can be read back.
constexpr uint64_t kMB = 1'000'000;

std::string exact_size(uint64_t bytes) {
  if (bytes > 0 && bytes % kGiB == 0) return std::to_string(bytes / kGiB) + "GiB";
  if (bytes > 0 && bytes % kMiB == 0) return std::to_string(bytes / kMiB) + "MiB";
  if (bytes > 0 && bytes % kMB == 0) return std::to_string(bytes / kMB) + "MB";
  return std::to_string(bytes) + "B";
}

std::string exact_time(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + "s";
  return std::to_string(time.count()) + "ms";
}

bool is_host(std::string_view text) {
  return !text.empty() && text.find_first_of("/?#@ ") == std::string_view::npos;
}

// "https://HOST[:PORT]", or the same with http.
bool is_mirror(const Json& value) {
  if (!value.is_string()) return false;
  std::string_view text = value.get_ref<const std::string&>();
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    return is_host(text);
  }
  return false;
}

bool are_mirrors(const Json& value) { return value.is_array() && std::ranges::all_of(value, is_mirror); }

bool are_mirrors_of_hosts(const Json& value) {
  if (!value.is_object()) return false;
  for (const auto& [host, mirrors] : value.items()) {
    if (!is_host(host) || !are_mirrors(mirrors)) return false;
  }
  return true;
}

uint64_t value_of(const Number& field, Config config) { return field(config); }

}  // namespace

Setting text_setting(std::string key, std::string Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_string() || value.get_ref<const std::string&>().empty())
              return wrong("must be a text");
            config.*field = value.get<std::string>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting optional_text_setting(std::string key, std::string Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a text");
            config.*field = value.get<std::string>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting yes_or_no_setting(std::string key, bool Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!value.is_boolean()) return wrong("must be true or false");
            config.*field = value.get<bool>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting choice_setting(std::string key, std::string Config::*field, std::vector<std::string> allowed) {
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

Number number_of(uint64_t Config::*field) {
  return [field](Config& config) -> uint64_t& { return config.*field; };
}

Number limit_of(uint64_t Limits::*field) {
  return [field](Config& config) -> uint64_t& { return config.build_limits.*field; };
}

Setting size_setting(std::string key, const Number& field, uint64_t least) {
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

Setting count_setting(std::string key, const Number& field, uint64_t least, uint64_t most) {
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

Setting time_setting(std::string key, std::chrono::milliseconds Config::*field,
                     std::chrono::milliseconds least) {
  return {std::move(key),
          [field, least](Config& config, const Json& value) -> Status {
            if (!value.is_string()) return wrong("must be a time such as \"30s\"");
            THAW_ASSIGN(const std::chrono::milliseconds time, parse_duration(value.get<std::string>()));
            if (time < least) return wrong("must be at least " + exact_time(least));
            config.*field = time;
            return {};
          },
          [field](const Config& config) { return Json(exact_time(config.*field)); }};
}

Setting mirrors_setting(std::string key, RegistryMirrors Config::*field) {
  return {std::move(key),
          [field](Config& config, const Json& value) -> Status {
            if (!are_mirrors_of_hosts(value))
              return wrong("must be an object such as {\"docker.io\": [\"https://HOST:PORT\"]}");
            config.*field = value.get<RegistryMirrors>();
            return {};
          },
          [field](const Config& config) { return Json(config.*field); }};
}

Setting texts_setting(std::string key, std::vector<std::string> Config::*field) {
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

}  // namespace thaw
