#include "lib/oci/file_stream.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace thaw {

Result<Buffer> FileStream::next() {
  Buffer buffer(static_cast<size_t>(std::min<uint64_t>(kStreamBytes, range_.length)));
  if (buffer.empty()) return buffer;
  THAW_TRY(read_exact(fd_, range_.offset, buffer.mutable_view()));
  range_.offset += buffer.size();
  range_.length -= buffer.size();
  return buffer;
}

uint64_t FileStream::skip(uint64_t bytes) {
  const uint64_t passed = std::min(bytes, range_.length);
  range_.offset += passed;
  range_.length -= passed;
  return passed;
}

Result<OpenFile> open_regular_file(const std::string& path) {
  OpenFile file;
  // O_NONBLOCK: a FIFO in the way must not hang the build.
  file.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.fd.valid()) return system_error(path, errno);
  struct stat info {};
  if (::fstat(file.fd.get(), &info) != 0) return system_error(path, errno);
  if (!S_ISREG(info.st_mode)) return Error{Code::kFailed, path + ": not a regular file"};
  file.size = static_cast<uint64_t>(info.st_size);
  return file;
}

}  // namespace thaw
