// RunConfig: how the image wants to be run, as its OCI image configuration says; and what the command line
// changes.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace thaw {

struct RunConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // NAME=VALUE
  std::string working_dir;
  std::string user;  // "", "USER", "UID", "USER:GROUP", "UID:GID"
};

struct ContainerOptions {
  std::vector<std::string> command;       // replaces cmd
  std::vector<std::string> env;           // replaces or adds
  std::optional<std::string> entrypoint;  // replaces entrypoint (and cmd); empty: there is none
  std::string working_dir;                // replaces working_dir
  std::string user;                       // replaces user
};

}  // namespace thaw
