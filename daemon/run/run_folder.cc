#include "daemon/run/run_folder.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "daemon/mounts/loop_device.h"
#include "daemon/mounts/mount_info.h"
#include "lib/base/hex.h"
#include "lib/base/real_path.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

constexpr unsigned kPrivate = 0700;

// The runtime takes no root below a link, and the kernel's table of mounts names none.
std::string runs_folder(const std::string& state_dir) { return without_links(state_dir + "/run"); }

std::string new_id() {
  Bytes bytes(6);
  fill_random(bytes);
  return "thaw-" + to_hex(bytes);
}

Result<Fd> lock_folder(const std::string& path, int operation) {
  Fd lock(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return system_error(path, errno);
  if (::flock(lock.get(), operation) != 0) return system_error(path, errno);
  return lock;
}

// Detaches all that `is_meant` says of what is mounted here, the latest first: it covers what came before.
template <class IsMeant>
void detach_mounts(const IsMeant& is_meant) {
  const auto entries = read_mount_info();
  if (!entries.ok()) return;
  std::for_each(entries.value().rbegin(), entries.value().rend(), [&is_meant](const MountEntry& entry) {
    if (is_meant(entry)) ::umount2(entry.mountpoint.c_str(), MNT_DETACH);
  });
}

bool lies_below(const MountEntry& entry, const std::string& folder) {
  return entry.mountpoint.starts_with(folder + "/");
}

}  // namespace

RunFolder::RunFolder(std::string id, std::string path, Fd lock)
    : id_(std::move(id)), path_(std::move(path)), lock_(std::move(lock)) {}

Result<RunFolder> RunFolder::create(const std::string& state_dir) {
  THAW_TRY(make_folders(runs_folder(state_dir), kPrivate));
  const std::string id = new_id();
  const std::string path = runs_folder(state_dir) + "/" + id;
  // Keeps a sweep from taking the new folder for a dead one before it is locked.
  THAW_ASSIGN(const Fd all, lock_folder(runs_folder(state_dir), LOCK_EX));
  THAW_TRY(make_folders(path, kPrivate));
  THAW_ASSIGN(Fd lock, lock_folder(path, LOCK_EX | LOCK_NB));
  RunFolder folder(id, path, std::move(lock));
  for (const char* part : {"/image", "/root", "/bundle", "/upper", "/work"}) {
    THAW_TRY(make_folders(path + part, kPrivate));
  }
  return folder;
}

RunFolder::~RunFolder() {
  if (!lock_.valid()) return;
  ::umount2(root().c_str(), MNT_DETACH);
  ::umount2(image().c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// What the container sees as "/" is the upper directory's own inode, so it must look like the image's.
Status RunFolder::copy_root_attributes() const {
  struct stat info {};
  const std::string upper = path_ + "/upper";
  if (::stat(image().c_str(), &info) != 0) return system_error(image(), errno);
  if (::chown(upper.c_str(), info.st_uid, info.st_gid) != 0) return system_error(upper, errno);
  if (::chmod(upper.c_str(), info.st_mode & 07777) != 0) return system_error(upper, errno);
  return {};
}

Status RunFolder::mount_overlay() const {
  THAW_TRY(copy_root_attributes());
  const std::string options =
      "lowerdir=" + image() + ",upperdir=" + path_ + "/upper,workdir=" + path_ + "/work";
  if (::mount("thaw", root().c_str(), "overlay", 0, options.c_str()) != 0) {
    return system_error(
        "overlay on " + root() + " (\"state_dir\" must be on a filesystem that overlayfs can write to)",
        errno);
  }
  return {};
}

Status enter_private_mounts(const std::string& run_dir) {
  if (::unshare(CLONE_NEWNS) != 0) return system_error("a mount namespace (are you root?)", errno);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return system_error("private mounts", errno);
  }
  const std::string folder = without_links(run_dir);
  const std::vector<LoopDevice> loops = loops_below(folder);
  detach_mounts([&](const MountEntry& entry) {
    return lies_below(entry, folder) ||
           std::ranges::find(loops, entry.device, &LoopDevice::device) != loops.end();
  });
  return {};
}

std::vector<std::string> dead_run_folders(const std::string& state_dir) {
  std::vector<std::string> ids;
  const auto all = lock_folder(runs_folder(state_dir), LOCK_EX);
  if (!all.ok()) return ids;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(runs_folder(state_dir), failure)) {
    if (lock_folder(entry.path().string(), LOCK_EX | LOCK_NB).ok())
      ids.push_back(entry.path().filename().string());
  }
  return ids;
}

void remove_run_folder(const std::string& state_dir, const std::string& id) {
  const std::string path = runs_folder(state_dir) + "/" + id;
  detach_mounts([&path](const MountEntry& entry) { return lies_below(entry, path); });
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace thaw
