#include "lib/tree/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace thaw {

Result<Spool> Spool::create(const std::string& folder) {
  Spool spool;
  spool.fd_.reset(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!spool.fd_.valid()) return system_error("spool folder " + folder, errno);
  return spool;
}

Result<uint64_t> Spool::append(ByteView bytes) {
  const uint64_t offset = size_;
  THAW_TRY(write_all_at(fd_.get(), offset, bytes));
  size_ += bytes.size();
  return offset;
}

Status Spool::clear() {
  if (::ftruncate(fd_.get(), 0) != 0) return system_error("spool", errno);
  size_ = 0;
  return {};
}

Status Spool::read(uint64_t offset, MutableBytes out) const { return read_exact(fd_.get(), offset, out); }

}  // namespace thaw
