// The supervisor: a small process that keeps what must not go when a worker goes, and keeps a worker running.
// It opens no network and reads no image.
//
// One thread, one poll loop. It waits for nobody but its worker's socket (bounded), and touches no file of
// its own FUSE mount. SIGTERM and SIGINT stop the daemon, within 5 s whatever the worker does; SIGHUP is
// handed on.
#pragma once

#include <string>
#include <vector>

#include "daemon/processes/resources.h"

namespace thaw {

struct SupervisorOptions {
  ResourceOptions resources;
  // Of the worker's command line, the program's name first: {"thawd", "--worker", "--config", …}.
  std::vector<std::string> worker_arguments;
};

// Returns the process's exit status: 0 after a stop, 1 when it cannot start.
int run_supervisor(const SupervisorOptions& options);

}  // namespace thaw
