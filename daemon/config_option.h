// The option --config of thaw and of thawd.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace thaw {

// An empty name, of a shell variable that is not set say, does not mean the defaults.
inline void add_config_option(CLI::App& app, std::string& file) {
  app.add_option("--config", file, "Configuration file (else $THAW_CONFIG, /etc/thaw/thaw.json)")
      ->check([](const std::string& name) { return std::string(name.empty() ? "names no file" : ""); });
}

}  // namespace thaw
