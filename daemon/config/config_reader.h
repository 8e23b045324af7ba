// ConfigReading: what became of a configuration file: the values, where each of them comes from, and all that
// is wrong with it. `thaw config` and the reload show it; everybody else takes load_config().
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace thaw {

// Where values come from, by key: "FILE:LINE" for those that the file names, "default" for the others; with
// "reload: " before it when a running daemon took it so.
using ConfigOrigins = std::map<std::string, std::string>;

struct ConfigReading {
  Config config;
  ConfigOrigins origins;  // of every key
  // One line each, with file, line, key and remedy. When there is one, `config` is not to be used.
  std::vector<std::string> problems;
  std::string file;     // empty: there is none, all values are defaults
  std::string file_by;  // who named it: "--config", "THAW_CONFIG"; empty: nobody, it is the standard one
};

// `origin` names the text.
ConfigReading read_config(const std::string& text, const std::string& origin);

// The file that load_config() takes. kUsage when it cannot be read.
Result<ConfigReading> read_config_file(const std::string& path);

// The configuration, or kUsage with the first problem.
Result<Config> accepted(ConfigReading reading);

}  // namespace thaw
