// The table of settings: one row a key, from which parsing, `thaw config`, the reload and its answer all
// follow.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace thaw {

// When another value takes effect.
enum class Takes : uint8_t {
  kReload,   // at `thaw reload`; daemon/worker/live_settings.cc has the deed
  kRestart,  // when thawd starts
  kCommand,  // with the next command: thawd does not use it
};

struct Setting {
  std::string key;  // "memory.size"
  std::function<Status(Config&, const nlohmann::json&)> read;
  std::function<nlohmann::json(const Config&)> write;
  Takes takes = Takes::kRestart;
  std::string about{};  // for people, without an end
};

const std::vector<Setting>& settings();

// nullptr for a key that is none.
const Setting* find_setting(const std::string& key);

// "memory" of "memory.size".
bool is_setting_group(const std::string& key);

// The known key that looks most like `key`, for error messages.
std::string nearest_key(const std::string& key);

}  // namespace thaw
