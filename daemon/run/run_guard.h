// RunGuard: a process that outlives a killed `thaw run`, ends its container and removes its folder.
//
// Owned by one `thaw run`, one thread. In a session of its own, so that what ends the command's process group
// does not end the guard. Is it killed too, the next `thaw run` sweeps the folder.
#pragma once

#include <sys/types.h>

#include <string>

#include "daemon/run/runtime.h"
#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class RunGuard {
 public:
  // Forks, in the mount namespace of this process. REQUIRES: this process has one thread.
  static Result<RunGuard> start(const Runtime& runtime, const std::string& state_dir, const std::string& id);
  RunGuard(RunGuard&& other) noexcept;
  RunGuard& operator=(RunGuard&&) = delete;
  // Dismisses it: whoever is alive cleans up himself.
  ~RunGuard();

 private:
  RunGuard(pid_t pid, Fd alive) : pid_(pid), alive_(std::move(alive)) {}

  pid_t pid_;
  Fd alive_;  // the guard sees its end
};

}  // namespace thaw
