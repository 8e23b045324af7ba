// The mount helper: `thawd-mount-helper`, or `thawd --mount-helper` where that is not installed, a process
// for a single operation. One JSON request on stdin, one JSON answer on stdout.
//
// It exists because mount(2), umount(2) and what is done to a loop device wait for the block files. A worker
// that waited for its own file could not even be killed: the kernel closes its /dev/fuse only once it has
// died.
#pragma once

namespace thaw {

// REQUIRES: this process has one thread and no descriptor of /dev/fuse. Returns the exit status.
int mount_helper_main();

}  // namespace thaw
