// The table of settings: one row a key, from which parsing, `thaw config show` and the reload's comparison
// all follow.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace thaw {

struct Setting {
  std::string key;  // "memory.size"
  std::function<Status(Config&, const nlohmann::json&)> read;
  std::function<nlohmann::json(const Config&)> write;
};

const std::vector<Setting>& settings();

// The known key that looks most like `key`, for error messages.
std::string nearest_key(const std::string& key);

}  // namespace thaw
