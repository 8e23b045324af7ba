#include "fuse/errno.h"

#include <cerrno>

namespace thaw {

int errno_of(Code code) {
  switch (code) {
    case Code::kNotFound:
      return ENOENT;
    case Code::kRefused:
      return EACCES;
    case Code::kUsage:
      return EINVAL;
    // Programs retry or report EIO; ETIMEDOUT and EINTR from a disk are answers that few of them expect.
    case Code::kTimedOut:
    case Code::kCancelled:
    case Code::kUnreachable:
    case Code::kDamaged:
    case Code::kFailed:
      return EIO;
  }
  return EIO;
}

}  // namespace thaw
