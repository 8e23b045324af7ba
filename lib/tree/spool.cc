#include "lib/tree/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace thaw {

Result<Spool> Spool::create(const std::string& folder) {
  Spool spool;
  spool.fd_.reset(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool.fd_.valid()) {
    Error error = system_error("spool folder " + folder, errno);
    error.message += "; name a folder on a local disk in build.spool_dir";
    // The configuration names it: it is no image that was not found.
    if (error.code == Code::kNotFound) error.code = Code::kUsage;
    return error;
  }
  spool.folder_ = folder;
  return spool;
}

Result<uint64_t> Spool::append(ByteView bytes) {
  const uint64_t offset = size_;
  THAW_TRY(write(offset, bytes));
  size_ += bytes.size();
  return offset;
}

Status Spool::write(uint64_t offset, ByteView bytes) const {
  const Status written = write_all_at(fd_.get(), offset, bytes);
  if (written.ok()) return {};
  return Error{written.error().code, "a file in the spool folder " + folder_ + ": " +
                                         written.error().message +
                                         "; make room, or name another folder in build.spool_dir"};
}

Status Spool::clear() {
  if (::ftruncate(fd_.get(), 0) != 0) return system_error("spool", errno);
  size_ = 0;
  return {};
}

Status Spool::read(uint64_t offset, MutableBytes out) const { return read_exact(fd_.get(), offset, out); }

}  // namespace thaw
