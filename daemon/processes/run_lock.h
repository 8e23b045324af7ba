// RunLock: only one daemon for a run_dir, a state_dir, and a flash file. A lock file with flock(2) and the
// holder's pid in it.
//
// Owned by the supervisor and inherited by its worker, so that it is held until both are gone.
#pragma once

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class RunLock {
 public:
  // kFailed naming the holder, when there is one that lives. One whose supervisor was killed is waited for, a
  // few seconds: its worker is about to end.
  static Result<RunLock> acquire(const std::string& file, const std::string& what);

  int fd() const { return fd_.get(); }

 private:
  explicit RunLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace thaw
