// Loop devices over block files: loop(4), LOOP_CONFIGURE. Plain functions, one thread, root.
//
// All of them may wait for the file that the device reads: never call them in a process that serves that
// file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

struct LoopDevice {
  std::string path;        // "/dev/loop3"
  std::string device;      // "7:3"
  std::string file;        // what it reads, as the kernel names it
  bool direct_io = false;  // as the kernel has it, whatever was asked for
};

struct AttachedLoop {
  LoopDevice loop;
  Fd hold;  // the device clears itself with its last user: keep this open until there is another
};

// A read-only device of 4 KiB blocks with direct I/O. A missing node is made.
Result<AttachedLoop> attach_loop(const std::string& file, uint32_t read_ahead_kb);

// Clears it; a device in use is cleared by its last user. Nothing happens when it does not read `loop.file`.
Status detach_loop(const LoopDevice& loop);

// As long as it is open, the device is cleared for nobody else to take. Nothing when it does not read
// `loop.file` any more.
Result<std::optional<Fd>> hold_loop(const LoopDevice& loop);

// Waits a few seconds until `file` is not read by it any more. kFailed: it is in use.
Status await_detached(const LoopDevice& loop);

// The devices over files below `folder` (without a "/" at its end).
std::vector<LoopDevice> loops_below(const std::string& folder);

}  // namespace thaw
