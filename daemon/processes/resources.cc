#include "daemon/processes/resources.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/mounts/take_down.h"
#include "fuse/mount.h"

namespace thaw {
namespace {

constexpr int kControlBacklog = 128;

std::string socket_path(const std::string& run_dir) { return run_dir + "/thaw.sock"; }

Result<std::string> real_run_dir(const std::string& run_dir) {
  THAW_TRY(make_folders(run_dir, 0755));
  std::error_code failure;
  const auto real = std::filesystem::canonical(run_dir, failure);
  if (failure) return Error{Code::kFailed, run_dir + ": " + failure.message()};
  return real.string();
}

// Without an image: supervisor, worker and mount helpers each need some dozen.
constexpr rlim_t kMinFiles = 64;

// One descriptor for each image.
Status raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return system_error("the limit of open files", errno);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kMinFiles) return {};
  return Error{Code::kFailed, "no more than " + std::to_string(limit.rlim_max) +
                                  " open files are allowed; thawd needs " + std::to_string(kMinFiles) +
                                  ", and one for each image (ulimit -n)"};
}

Result<Fd> listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{Code::kUsage, path + ": too long for a socket; choose a shorter run_dir"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return system_error("socket", errno);
  ::unlink(path.c_str());
  // Between bind and chmod nobody else may connect.
  const mode_t mask = ::umask(0177);
  const int bound = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int failure = errno;
  ::umask(mask);
  if (bound != 0) return system_error(path, failure);
  if (::chmod(path.c_str(), 0660) != 0 || ::listen(fd.get(), kControlBacklog) != 0)
    return system_error(path, errno);
  return fd;
}

Result<Fd> make_counters(uint64_t bytes) {
  Fd fd(::memfd_create("thaw counters", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    return system_error("memfd", errno);
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return system_error("seal a memfd", errno);
  }
  return fd;
}

}  // namespace

Result<Resources> Resources::acquire(const ResourceOptions& options) {
  THAW_TRY(raise_file_limit());
  THAW_ASSIGN(const std::string run_dir, real_run_dir(options.run_dir));
  Resources resources(run_dir);
  THAW_TRY(resources.lock(run_dir + "/thawd.lock", "run_dir " + run_dir));
  if (!options.flash_file.empty()) THAW_TRY(resources.lock_flash(options.flash_file));
  THAW_TRY(make_folders(options.state_dir, 0700));
  // Not the run_dir's file: both may be one folder.
  THAW_TRY(resources.lock(options.state_dir + "/mounts.lock", "state_dir " + options.state_dir));
  THAW_TRY(take_down(run_dir));
  THAW_TRY(make_folders(fuse_folder(run_dir), 0700));
  THAW_TRY(make_folders(mount_folder(run_dir), 0700));
  THAW_ASSIGN(resources.counters_, make_counters(options.counters_bytes));
  THAW_ASSIGN(resources.fuse_, mount_fuse(fuse_folder(run_dir)));
  auto control = listen_on(socket_path(run_dir));
  if (!control.ok()) {
    static_cast<void>(resources.release().ok());
    return std::move(control).error();
  }
  resources.control_ = std::move(control).value();
  return resources;
}

Status Resources::lock(const std::string& file, const std::string& what) {
  THAW_ASSIGN(RunLock lock, RunLock::acquire(file, what, ::getpid()));
  locks_.push_back(std::move(lock));
  return {};
}

Status Resources::lock_flash(const std::string& file) {
  if (!make_folders(std::filesystem::path(file).parent_path(), 0700).ok()) return {};
  Status locked = lock(file + ".lock", "flash file " + file);
  if (!locked.ok() && locked.error().code == Code::kRefused) return locked;
  return {};
}

void Resources::inherit_locks() const {
  for (const RunLock& lock : locks_) ::fcntl(lock.fd(), F_SETFD, 0);
}

Status Resources::release() {
  ::unlink(socket_path(run_dir_).c_str());
  control_.reset();
  Status down = take_down(run_dir_);
  fuse_.reset();
  ::rmdir(mount_folder(run_dir_).c_str());
  ::rmdir(fuse_folder(run_dir_).c_str());
  return down;
}

}  // namespace thaw
