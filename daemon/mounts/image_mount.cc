#include "daemon/mounts/image_mount.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <optional>

#include "daemon/mounts/image_lock.h"
#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/namespaces.h"
#include "lib/base/file.h"

namespace thaw {
namespace {

constexpr unsigned long kExt4Flags = MS_RDONLY | MS_NOSUID | MS_NODEV;
constexpr const char* kExt4Options = "noload,errors=remount-ro";

Result<LoopDevice> loop_over(const std::string& file) {
  for (LoopDevice& loop : loops_below(file.substr(0, file.rfind('/')))) {
    if (loop.file == file) return std::move(loop);
  }
  return Error{Code::kNotFound, file + " has no loop device"};
}

Result<AttachedImage> attached_image(const std::string& file) {
  THAW_ASSIGN(const LoopDevice loop, loop_over(file));
  return AttachedImage{loop.path, loop.device, loop.direct_io};
}

// Bind mounts of the image, or an overlay, may still have the device when the folder has lost it: a second
// one would be another filesystem.
Result<AttachedLoop> loop_for(const AttachRequest& request) {
  Result<LoopDevice> there = loop_over(request.file);
  if (there.ok()) {
    Result<std::optional<Fd>> held = hold_loop(there.value());
    if (held.ok() && held.value()) return AttachedLoop{std::move(there).value(), *std::move(held).value()};
  }
  return attach_loop(request.file, request.read_ahead_kb);
}

Error mount_error(const std::string& device, const std::string& folder, int errno_value) {
  if (errno_value == EINVAL || errno_value == EUCLEAN) {
    return Error{Code::kDamaged, "mount " + device + " on " + folder + ": not an ext4 that the kernel takes"};
  }
  return system_error("mount " + device + " on " + folder, errno_value);
}

// The path of an open descriptor, seen from this process's root. `self_fds`: /proc/self/fd, opened before the
// mount namespace was left, because the other one may have no /proc.
Result<std::string> path_of(const Fd& self_fds, const Fd& fd) {
  std::array<char, PATH_MAX> path{};
  const ssize_t n = ::readlinkat(self_fds.get(), std::to_string(fd.get()).c_str(), path.data(), path.size());
  if (n < 0) return system_error("readlink", errno);
  return std::string(path.data(), static_cast<size_t>(n));
}

// `target` as a process sees it whose root is `root`, which may be a chroot.
Result<Fd> open_directory_in(const Fd& root, const std::string& target) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT;
  const long fd = ::syscall(SYS_openat2, root.get(), target.c_str(), &how, sizeof how);
  if (fd < 0) return system_error(target, errno);
  return Fd(static_cast<int>(fd));
}

Result<bool> is_mount_point(const Fd& directory, const std::string& path) {
  struct statx info {};
  if (::statx(directory.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) != 0) {
    return system_error(path, errno);
  }
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

Status require_no_mount_point(const Fd& directory, const std::string& target) {
  THAW_ASSIGN(const bool taken, is_mount_point(directory, target));
  if (!taken) return {};
  return Error{Code::kFailed, target + ": mount point in use; unmount what is there or choose another"};
}

// A folder that has lost the image is an empty one of the host, which must not be shown in its place.
Result<Fd> copy_mount(const std::string& folder) {
  const Fd there(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!there.valid()) return system_error(folder, errno);
  THAW_ASSIGN(const bool mounted, is_mount_point(there, folder));
  if (!mounted) return Error{Code::kFailed, folder + ": the image was unmounted there; try again"};
  Fd tree(::open_tree(there.get(), "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree.valid()) return system_error("copy the mount of " + folder, errno);
  return tree;
}

Status umount_error(const std::string& target, int errno_value) {
  if (errno_value != EBUSY) return system_error("umount " + target, errno_value);
  return Error{Code::kFailed, "umount " + target + ": in use; end the programs that use it, or use --lazy"};
}

}  // namespace

Result<AttachedImage> attach_image(const AttachRequest& request) {
  THAW_ASSIGN(const ImageLock lock, ImageLock::acquire(request.folder));
  THAW_ASSIGN(const auto mounts, read_mount_info());
  if (mounted_on(mounts, request.folder) != nullptr) return attached_image(request.file);

  if (::mkdir(request.folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error(request.folder, errno);
  auto attached = loop_for(request);
  if (!attached.ok()) {
    ::rmdir(request.folder.c_str());
    return std::move(attached).error();
  }
  const LoopDevice& loop = attached->loop;
  if (::mount(loop.path.c_str(), request.folder.c_str(), "ext4", kExt4Flags, kExt4Options) != 0) {
    const int failure = errno;
    ::rmdir(request.folder.c_str());
    return mount_error(loop.path, request.folder, failure);
  }
  return AttachedImage{loop.path, loop.device, loop.direct_io};
}

Status detach_image(const AttachRequest& request) {
  THAW_ASSIGN(const ImageLock lock, ImageLock::acquire(request.folder));
  THAW_ASSIGN(const auto mounts, read_mount_info());
  if (mounted_on(mounts, request.folder) != nullptr &&
      ::umount2(request.folder.c_str(), UMOUNT_NOFOLLOW) != 0) {
    return umount_error(request.folder, errno);
  }
  const auto loop = loop_over(request.file);
  if (loop.ok()) THAW_TRY(await_detached(loop.value()));
  if (::rmdir(request.folder.c_str()) != 0 && errno != ENOENT) return system_error(request.folder, errno);
  return {};
}

Result<BoundImage> bind_image(const BindRequest& request) {
  THAW_ASSIGN(const ImageLock lock, ImageLock::acquire(request.folder));
  const std::string root_path = "/proc/" + std::to_string(request.pid) + "/root";
  const Fd root(::open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return system_error("process " + std::to_string(request.pid) + " is gone", errno);
  const Fd self_fds(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  THAW_ASSIGN(const Fd tree, copy_mount(request.folder));

  BoundImage bound;
  THAW_ASSIGN(bound.mount_namespace, mount_namespace_of(request.pid));
  THAW_TRY(enter_mount_namespace(request.pid));
  THAW_ASSIGN(const Fd target, open_directory_in(root, request.target));
  THAW_TRY(require_no_mount_point(target, request.target));
  THAW_ASSIGN(bound.target, path_of(self_fds, target));
  THAW_TRY(require_foreign(bound.target, request.own));
  if (::move_mount(tree.get(), "", target.get(), "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) !=
      0) {
    return system_error("mount on " + request.target, errno);
  }
  return bound;
}

Status unbind_image(const UnbindRequest& request) {
  THAW_ASSIGN(const ImageLock lock, ImageLock::acquire(request.folder));
  const auto member = member_of(request.mount_namespace, request.pid);
  if (!member.ok()) return {};
  THAW_ASSIGN(const auto mounts, read_mount_info(std::to_string(member.value())));
  THAW_TRY(enter_mount_namespace(member.value()));
  if (!has_mount(mounts, request.target, request.device)) return {};
  if (mounted_on(mounts, request.target)->device != request.device) {
    return Error{Code::kFailed, "umount " + request.target + ": something else is mounted on top of it; " +
                                    "unmount that first ('umount " + request.target + "')"};
  }
  const int flags = UMOUNT_NOFOLLOW | (request.how == Unmount::kLazy ? MNT_DETACH : 0);
  if (::umount2(request.target.c_str(), flags) != 0) return umount_error(request.target, errno);
  return {};
}

}  // namespace thaw
