// take_down: what a daemon showed, taken out of the kernel without its help: overlays on its images, bind
// mounts of them, their ext4 and loop devices, the FUSE mount; in every mount namespace, lazily where they
// are in use.
//
// For a process that serves none of it, as root. The FUSE connection is ended first, so that nothing waits
// for anybody: reads that are open fail with EIO.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace thaw {

// Of the daemon with this run_dir. Goes on after a failure, and returns the first.
Status take_down(const std::string& run_dir);

// Where things are in a run_dir.
std::string fuse_folder(const std::string& run_dir);
std::string mount_folder(const std::string& run_dir);

}  // namespace thaw
