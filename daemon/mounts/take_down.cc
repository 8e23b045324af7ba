#include "daemon/mounts/take_down.h"

#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <vector>

#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_info.h"
#include "daemon/mounts/namespaces.h"

namespace thaw {
namespace {

struct Doomed {
  std::string run_dir;
  std::set<std::string> devices;  // of the loops
};

bool is_below(std::string_view path, std::string_view folder) {
  return path == folder ||
         (path.starts_with(folder) && path.size() > folder.size() && path[folder.size()] == '/');
}

// Whether an overlay has a layer below `folder`: "…,lowerdir=/a:/b,upperdir=…".
bool has_layer_below(const MountEntry& overlay, const std::string& folder) {
  const size_t start = overlay.options.find("lowerdir=");
  if (overlay.type != "overlay" || start == std::string::npos) return false;
  std::string_view layers = std::string_view(overlay.options).substr(start + 9);
  layers = layers.substr(0, layers.find(','));
  while (!layers.empty()) {
    const size_t end = std::min(layers.find(':'), layers.size());
    if (is_below(layers.substr(0, end), folder)) return true;
    layers.remove_prefix(std::min(end + 1, layers.size()));
  }
  return false;
}

bool is_our_fuse(const MountEntry& mount, const Doomed& doomed) {
  return mount.type == "fuse.thaw" && mount.mountpoint == fuse_folder(doomed.run_dir);
}

// The mount points to be left, in the order of mounting.
std::vector<std::string> doomed_mounts(const std::vector<MountEntry>& mounts, const Doomed& doomed) {
  std::vector<std::string> images;
  for (const MountEntry& mount : mounts) {
    if (doomed.devices.contains(mount.device) && mount.type == "ext4") images.push_back(mount.mountpoint);
  }
  std::vector<std::string> all;
  for (const MountEntry& mount : mounts) {
    const auto covers = [&mount](const std::string& image) { return has_layer_below(mount, image); };
    if ((doomed.devices.contains(mount.device) && mount.type == "ext4") ||
        std::any_of(images.begin(), images.end(), covers)) {
      all.push_back(mount.mountpoint);
    }
  }
  return all;
}

Status leave(const std::string& mountpoint) {
  if (::umount2(mountpoint.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
  if (errno == EINVAL || errno == ENOENT) return {};  // went with another one, or in its own namespace
  return system_error("umount " + mountpoint, errno);
}

void keep_first(Status& first, Status next) {
  if (first.ok()) first = std::move(next);
}

Status leave_images(const Doomed& doomed) {
  THAW_ASSIGN(const auto mounts, read_mount_info());
  Status first;
  const std::vector<std::string> all = doomed_mounts(mounts, doomed);
  for (auto mountpoint = all.rbegin(); mountpoint != all.rend(); ++mountpoint) {
    keep_first(first, leave(*mountpoint));
  }
  return first;
}

Status leave_fuse(const Doomed& doomed) {
  THAW_ASSIGN(const auto mounts, read_mount_info());
  Status first;
  for (const MountEntry& mount : mounts) {
    if (is_our_fuse(mount, doomed)) keep_first(first, leave(mount.mountpoint));
  }
  return first;
}

// The same in another namespace, by a child that enters it.
void leave_elsewhere(pid_t member, const Doomed& doomed) {
  const auto mounts = read_mount_info(std::to_string(member));
  if (!mounts.ok()) return;
  const auto is_fuse = [&doomed](const MountEntry& mount) { return is_our_fuse(mount, doomed); };
  if (doomed_mounts(mounts.value(), doomed).empty() &&
      std::none_of(mounts->begin(), mounts->end(), is_fuse)) {
    return;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    const bool done =
        enter_mount_namespace(member).ok() && leave_images(doomed).ok() && leave_fuse(doomed).ok();
    ::_exit(done ? 0 : 1);
  }
  if (child > 0) ::waitpid(child, nullptr, 0);
}

// Busy or not: what counts is that it ends the connection.
void abort_connections(const Doomed& doomed) {
  const auto mounts = read_mount_info();
  if (!mounts.ok()) return;
  for (const MountEntry& mount : mounts.value()) {
    if (is_our_fuse(mount, doomed)) ::umount2(mount.mountpoint.c_str(), MNT_FORCE | UMOUNT_NOFOLLOW);
  }
}

void remove_leftovers(const std::string& folder) {
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    // Empty folders and lock files, which are empty too: whatever else lies there is not ours. Never into
    // something that is mounted.
    if (::rmdir(entry.path().c_str()) == 0 || entry.path().extension() != ".lock") continue;
    if (std::filesystem::is_empty(entry.path(), failure)) ::unlink(entry.path().c_str());
  }
}

}  // namespace

std::string fuse_folder(const std::string& run_dir) { return run_dir + "/fuse"; }
std::string mount_folder(const std::string& run_dir) { return run_dir + "/mnt"; }

Status take_down(const std::string& run_dir) {
  Doomed doomed{run_dir, {}};
  // Held to the end: one that was cleared meanwhile could be another daemon's by then.
  std::vector<Fd> held;
  std::vector<LoopDevice> loops;
  for (LoopDevice& loop : loops_below(fuse_folder(run_dir))) {
    Result<std::optional<Fd>> hold = hold_loop(loop);
    if (hold.ok() && !hold.value()) continue;
    if (hold.ok()) held.push_back(*std::move(hold).value());
    doomed.devices.insert(loop.device);
    loops.push_back(std::move(loop));
  }
  abort_connections(doomed);
  Status first = leave_images(doomed);
  const auto own = mount_namespace_of(::getpid());
  for (const NamespaceMember& member : mount_namespaces()) {
    if (own.ok() && member.mount_namespace != own.value()) leave_elsewhere(member.pid, doomed);
  }
  for (const LoopDevice& loop : loops) keep_first(first, detach_loop(loop));
  keep_first(first, leave_fuse(doomed));
  remove_leftovers(mount_folder(run_dir));
  return first;
}

}  // namespace thaw
