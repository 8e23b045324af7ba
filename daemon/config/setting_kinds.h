// The kinds of settings: how a value is read, checked and written. For the table in settings.cc.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "daemon/config/settings.h"

namespace thaw {

// Where a number stands in a configuration.
using Number = std::function<uint64_t&(Config&)>;
Number number_of(uint64_t Config::*field);
Number limit_of(uint64_t Limits::*field);

Setting text_setting(std::string key, std::string Config::*field);
// May be empty: what it names is then not used.
Setting optional_text_setting(std::string key, std::string Config::*field);
// {"REGISTRY": ["https://HOST[:PORT]", …]}
Setting mirrors_setting(std::string key, RegistryMirrors Config::*field);
Setting texts_setting(std::string key, std::vector<std::string> Config::*field);
Setting choice_setting(std::string key, std::string Config::*field, std::vector<std::string> allowed);
Setting yes_or_no_setting(std::string key, bool Config::*field);
Setting size_setting(std::string key, const Number& field, uint64_t least);
Setting count_setting(std::string key, const Number& field, uint64_t least, uint64_t most);
Setting time_setting(std::string key, std::chrono::milliseconds Config::*field,
                     std::chrono::milliseconds least = {});

}  // namespace thaw
