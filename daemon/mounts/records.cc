#include "daemon/mounts/records.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace thaw {

Result<Fd> make_blob(ByteView bytes) {
  if (bytes.size() > kMaxBlobBytes) return Error{Code::kFailed, "an opened image is larger than 64 MiB"};
  Fd fd(::memfd_create("thaw image", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid()) return system_error("memfd", errno);
  THAW_TRY(write_all(fd.get(), bytes));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return system_error("seal a memfd", errno);
  }
  return fd;
}

Result<Buffer> read_blob(const Fd& blob) {
  struct stat info {};
  if (::fstat(blob.get(), &info) != 0) return system_error("memfd", errno);
  const auto size = static_cast<uint64_t>(info.st_size);
  if (size > kMaxBlobBytes) return Error{Code::kDamaged, "a recorded image is larger than 64 MiB"};
  Buffer bytes(size);
  THAW_TRY(read_exact(blob.get(), 0, bytes.mutable_view()));
  return bytes;
}

}  // namespace thaw
