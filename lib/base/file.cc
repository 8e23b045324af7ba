#include "lib/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace thaw {

int Fd::release() { return std::exchange(fd_, -1); }

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Status read_exact(int fd, uint64_t offset, MutableBytes out) {
  while (!out.empty()) {
    const ssize_t n = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", errno);
    if (n == 0) return Error{Code::kDamaged, "the file is shorter than it should be"};
    out = out.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Status write_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status write_all_at(int fd, uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<Buffer> read_file(const std::string& path, uint64_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error(path, errno);
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system_error(path, errno);
  if (!S_ISREG(info.st_mode)) return Error{Code::kFailed, path + ": not a regular file"};
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > max_bytes) {
    return Error{Code::kFailed, path + ": " + std::to_string(size) + " bytes, more than the limit of " +
                                    std::to_string(max_bytes)};
  }
  Buffer buffer(size);
  const Status read = read_exact(fd.get(), 0, buffer.mutable_view());
  if (!read.ok()) return Error{read.error().code, path + ": " + read.error().message};
  return buffer;
}

Status sync_folder(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return system_error(path, errno);
  if (::fsync(fd.get()) != 0) return system_error(path, errno);
  return {};
}

Status replace_file(const std::string& path, ByteView bytes, unsigned mode) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::string temporary = path + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd.valid()) return system_error(path, errno);
  Status done = write_all(fd.get(), bytes);
  if (done.ok() && ::fchmod(fd.get(), mode) != 0) done = system_error(path, errno);
  if (done.ok() && ::fsync(fd.get()) != 0) done = system_error(path, errno);
  if (done.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) done = system_error(path, errno);
  if (!done.ok()) {
    ::unlink(temporary.c_str());
    return Error{done.error().code, path + ": " + done.error().message};
  }
  return sync_folder(folder.empty() ? "." : folder);
}

void open_standard_streams() {
  int fd = 0;
  do fd = ::open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) ::close(fd);
}

Status make_folders(const std::string& path, unsigned mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (!part.empty() && ::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return system_error(part, errno);
    if (end == std::string::npos) return {};
  }
}

}  // namespace thaw
