#include "daemon/mounts/image_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace thaw {
namespace {

constexpr const char* kSuffix = ".lock";

Status lock_file(const Fd& file, const std::string& path) {
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return system_error(path, errno);
  }
  return {};
}

// Whoever had the lock before may have taken the file away: the next one locks another.
Result<bool> is_named(const Fd& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, errno);
  return status.st_nlink > 0;
}

}  // namespace

Result<ImageLock> ImageLock::acquire(const std::string& folder) {
  const size_t slash = folder.rfind('/');
  const std::string parent = folder.substr(0, slash);
  const std::string path = folder + kSuffix;
  Fd opened(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) return system_error(parent, errno);
  ImageLock lock(std::move(opened), folder.substr(slash + 1));
  for (;;) {
    Fd file(::openat(lock.parent_.get(), (lock.name_ + kSuffix).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.valid()) return system_error(path, errno);
    THAW_TRY(lock_file(file, path));
    THAW_ASSIGN(const bool named, is_named(file, path));
    if (!named) continue;
    lock.locked_ = std::move(file);
    return lock;
  }
}

ImageLock::~ImageLock() {
  if (!locked_.valid()) return;
  const bool gone =
      ::faccessat(parent_.get(), name_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
  if (gone) ::unlinkat(parent_.get(), (name_ + kSuffix).c_str(), 0);
}

}  // namespace thaw
