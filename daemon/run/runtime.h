// Runtime: an OCI runtime program (runc, crun), called as https://github.com/opencontainers/runtime-spec
// describes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

struct Runtime {
  std::string program;    // absolute path
  std::string state_dir;  // its --root
};

// `wanted` is "auto" (runc, else crun), a name in PATH or a path. kFailed when there is none.
Result<Runtime> find_runtime(const std::string& wanted, const std::string& state_dir);

// Starts `RUNTIME run` for the bundle with this process's stdio; the pid of the runtime process. `pid_file`
// appears when the container's own process was started.
Result<pid_t> start_container(const Runtime& runtime, const std::string& bundle, const std::string& pid_file,
                              const std::string& id);

// Removes what the runtime still knows of the container; one that is not there is no error.
void delete_container(const Runtime& runtime, const std::string& id);

}  // namespace thaw
