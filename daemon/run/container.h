// Waiting for a container in the foreground: signals are passed on, and its exit status comes back.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/result.h"

namespace thaw {

// Blocks the signals that are passed on, for this process. Call before anything that must be cleaned up is
// made.
void hold_signals();

struct ContainerEnd {
  enum class Phase : uint8_t { kStarted, kNeverStarted } phase = Phase::kStarted;
  int status = 0;  // the container's own exit status, 128 + N for a signal
};

// Waits until `runtime_pid` ends. A signal that this process gets goes to the container's first process;
// where that would drop it (the kernel drops a signal that process 1 of a namespace does not handle) the
// signal's default, to end the process, is carried out. REQUIRES: hold_signals()
ContainerEnd wait_for_container(pid_t runtime_pid, const std::string& pid_file);

// The signal that arrived since hold_signals() and was not waited for, or 0.
int pending_signal();

}  // namespace thaw
