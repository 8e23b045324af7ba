#include "lib/io/disk_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace thaw {
namespace {

// A device that is missing is away; a file in its place would take memory, and its name.
bool is_device_name(const std::string& path) {
  return path.starts_with("/dev/") && !path.starts_with("/dev/shm/");
}

// Devices have names that are links (/dev/mapper/…, /dev/disk/by-id/…), and only root makes them. Elsewhere a
// link could lead into any file of the machine.
int flags_for(const std::string& path) {
  return O_RDWR | O_CLOEXEC | (is_device_name(path) ? 0 : O_CREAT | O_NOFOLLOW);
}

// A process that was killed may hold the lock for a moment more, until the kernel has taken it down.
constexpr int kLockTries = 20;
constexpr std::chrono::milliseconds kLockPause{50};

Result<Fd> open_directly(const std::string& path) {
  Fd fd(::open(path.c_str(), flags_for(path) | O_DIRECT, 0600));
  // Some file systems (tmpfs before Linux 6.6) have no O_DIRECT.
  if (!fd.valid() && errno == EINVAL) fd.reset(::open(path.c_str(), flags_for(path), 0600));
  if (!fd.valid() && errno == ELOOP)
    return Error{Code::kUsage, path + " is a symbolic link; name the file that it leads to"};
  if (!fd.valid()) return system_error(path, errno);
  return fd;
}

}  // namespace

Result<Fd> open_disk_file(const std::string& path) {
  THAW_ASSIGN(Fd fd, open_directly(path));
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, errno);
  if (!S_ISREG(info.st_mode) && !S_ISBLK(info.st_mode)) {
    return Error{Code::kUsage, path + " is neither a file nor a block device"};
  }
  for (int tries = 0; ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK) return system_error(path, errno);
    if (tries == kLockTries) return Error{Code::kRefused, path + " is in use by another process"};
    std::this_thread::sleep_for(kLockPause);
  }
  return fd;
}

Result<uint64_t> resize_disk_file(int fd, uint64_t wanted) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return system_error("the size of a file", errno);
  if (!S_ISBLK(info.st_mode)) {
    if (::ftruncate(fd, static_cast<off_t>(wanted)) != 0) return system_error("the size of a file", errno);
    return wanted;
  }
  uint64_t bytes = 0;
  if (::ioctl(fd, BLKGETSIZE64, &bytes) != 0) return system_error("the size of a block device", errno);
  return std::min(bytes, wanted);
}

void PooledDiskFile::read(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  threads_.post([fd = fd_, offset, buffer = std::move(buffer), done = std::move(done)]() mutable {
    const Status read = read_exact(fd, offset, buffer.mutable_view());
    if (!read.ok()) return done(read.error());
    done(std::move(buffer));
  });
}

void PooledDiskFile::write(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  threads_.post([fd = fd_, offset, buffer = std::move(buffer), done = std::move(done)]() mutable {
    const Status written = write_all_at(fd, offset, buffer.view());
    if (!written.ok()) return done(written.error());
    done(std::move(buffer));
  });
}

void PooledDiskFile::sync(Completion<bool> done) {
  threads_.post([fd = fd_, done = std::move(done)]() mutable {
    if (::fdatasync(fd) != 0) return done(system_error("sync", errno));
    done(true);
  });
}

}  // namespace thaw
