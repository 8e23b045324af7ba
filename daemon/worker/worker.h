// The worker: the process that serves images. Wires the parts, starts the threads, carries out the
// supervisor's orders.
#pragma once

#include <string>

namespace thaw {

// REQUIRES: started by the supervisor. `config_file` as given to thawd. Returns the process's exit status.
int run_worker(const std::string& config_file);

}  // namespace thaw
