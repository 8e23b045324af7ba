// RunLock: only one daemon for a run_dir, a state_dir, and a flash file. A lock file with flock(2) and the
// holder's pid in it.
//
// Owned by the supervisor and inherited by its worker, so that it is held until both are gone; or by the
// worker alone, of a flash file that was away when the daemon started.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class RunLock {
 public:
  // kRefused naming the holder, when there is one that lives. One whose supervisor was killed is waited for,
  // a few seconds: its worker is about to end. `daemon`: the supervisor's pid; what it holds itself is not
  // refused to its worker, who then shares it.
  static Result<RunLock> acquire(const std::string& file, const std::string& what, pid_t daemon);

  int fd() const { return fd_.get(); }

 private:
  explicit RunLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace thaw
