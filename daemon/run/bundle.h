// The OCI bundle of a container: config.json after the OCI runtime specification 1.0.2.
#pragma once

#include <string>
#include <vector>

#include "daemon/run/process_user.h"
#include "daemon/run/run_config.h"
#include "lib/base/result.h"

namespace thaw {

// What is started, after image and command line were put together.
struct Process {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string working_dir;
  ProcessUser user;
  std::string hostname;
};

// REQUIRES: `root` is the container's mounted root filesystem. kUsage when neither image nor command line
// name a program; kNotFound and kRefused for a program that is not there or cannot be executed.
Result<Process> plan_process(const std::string& root, const RunConfig& image,
                             const ContainerOptions& options);

// The text of config.json; `root` becomes root.path, `terminal` whether the process gets a pseudo-terminal.
enum class Terminal : uint8_t { kNone, kPseudo };
std::string bundle_text(const Process& process, const std::string& root, Terminal terminal);

}  // namespace thaw
