#include "fuse/mount.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "fuse/session.h"

namespace thaw {

Result<Fd> mount_fuse(const std::string& folder) {
  Fd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device.valid()) return system_error("open /dev/fuse (is the fuse module loaded?)", errno);
  // default_permissions: the kernel checks the files' modes, no request is needed for it.
  const std::string options = "fd=" + std::to_string(device.get()) + ",rootmode=40000,user_id=0,group_id=0," +
                              "allow_other,default_permissions,max_read=" + std::to_string(kMountMaxRead);
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME;
  if (::mount("thaw", folder.c_str(), "fuse.thaw", flags, options.c_str()) != 0) {
    return system_error("mount FUSE on " + folder, errno);
  }
  return device;
}

}  // namespace thaw
