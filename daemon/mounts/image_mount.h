// What is done to the kernel for a mount: an image's loop device and ext4, and a bind mount of it for each
// user.
//
// Plain functions for a short-lived process with one thread, as root. They wait for the image's block file,
// which another process serves; never call them there. Each is repeatable, and undoes what it began when it
// fails. Calls for one image are serialised between processes by a lock file beside its folder.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "daemon/mounts/own_paths.h"
#include "lib/base/result.h"

namespace thaw {

struct AttachRequest {
  std::string file;    // the block file
  std::string folder;  // where the ext4 is mounted; made when it is not there
  uint32_t read_ahead_kb = 0;
};

struct AttachedImage {
  std::string path;    // "/dev/loop3"
  std::string device;  // "7:3"
  bool direct_io = false;
};

Result<AttachedImage> attach_image(const AttachRequest& request);

// Takes ext4, loop device and folder away. kFailed when they are in use.
Status detach_image(const AttachRequest& request);

struct BindRequest {
  std::string folder;  // what is shown
  std::string target;  // an existing directory, as process `pid` sees it, that is no mount point
  pid_t pid = 0;
  OwnPaths own{};  // where the target may lead to, by links, but must not
};

struct BoundImage {
  uint64_t mount_namespace = 0;
  std::string target;  // as its namespace sees it, without symbolic links
};

Result<BoundImage> bind_image(const BindRequest& request);

enum class Unmount : uint8_t { kIdle, kLazy };

struct UnbindRequest {
  std::string folder;
  std::string target;
  std::string device;  // "7:3": anything else that is mounted there stays
  uint64_t mount_namespace = 0;
  pid_t pid = 0;  // who was in the namespace once
  Unmount how = Unmount::kIdle;
};

// What is not there any more is no error. kFailed when it is in use (Unmount::kIdle).
Status unbind_image(const UnbindRequest& request);

}  // namespace thaw
