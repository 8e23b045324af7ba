// MountEntry: a line of /proc/PID/mountinfo (proc(5)). Reading it waits for no filesystem, so that also a
// process that serves one may read it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"

namespace thaw {

struct MountEntry {
  std::string device;      // "7:3"
  std::string root;        // the folder of the filesystem that is shown
  std::string mountpoint;  // as seen from the process's root
  std::string type;        // "ext4", "fuse.thaw"
  std::string source;      // "/dev/loop3"
  std::string options;     // the filesystem's own
};

// Lines that are no mounts are left out.
std::vector<MountEntry> parse_mount_info(std::string_view text);

// In the order in which the kernel lists them: whatever covers a mount comes after it.
Result<std::vector<MountEntry>> read_mount_info(const std::string& process = "self");

// What a look at `path` shows: the last mount on it. nullptr when it is no mount point.
const MountEntry* mounted_on(const std::vector<MountEntry>& entries, std::string_view path);

// Whether `device` is mounted on `path`, covered or not.
bool has_mount(const std::vector<MountEntry>& entries, std::string_view path, std::string_view device);

}  // namespace thaw
