// Resources: what outlives every worker and is made once when the daemon starts: the locks, the FUSE mount on
// <run_dir>/fuse with its /dev/fuse, the control socket <run_dir>/thaw.sock, the memory for the counters.
//
// Owned by the supervisor, one thread. Needs root.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/processes/run_lock.h"
#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

struct ResourceOptions {
  std::string run_dir;
  std::string state_dir;
  std::string flash_file;  // empty: no flash tier
  uint64_t counters_bytes = 0;
};

class Resources {
 public:
  // Takes down what a daemon that was killed left in the run_dir, and makes everything new. kRefused naming
  // the other daemon when there is one that lives.
  static Result<Resources> acquire(const ResourceOptions& options);

  const std::string& run_dir() const { return run_dir_; }  // without symbolic links
  int fuse() const { return fuse_.get(); }
  int control() const { return control_.get(); }
  int counters() const { return counters_.get(); }

  // Lets the worker's process inherit the locks. Only in the child, before it executes the worker.
  void inherit_locks() const;

  // Ends the FUSE connection, takes down every mount and loop device, removes the socket.
  Status release();

 private:
  explicit Resources(std::string run_dir) : run_dir_(std::move(run_dir)) {}

  Status lock(const std::string& file, const std::string& what);
  // Nothing where the flash file is away: the worker takes the lock when it comes.
  Status lock_flash(const std::string& file);

  std::string run_dir_;
  std::vector<RunLock> locks_;
  Fd fuse_;
  Fd control_;
  Fd counters_;
};

}  // namespace thaw
