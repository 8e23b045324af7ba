#include "daemon/worker/failed_reads.h"

#include <utility>

namespace thaw {

std::optional<std::string> FailedReads::note(const Digest& manifest, uint64_t offset, const Error& error,
                                             TimePoint now) {
  uint64_t unsaid = 0;
  {
    MutexLock lock(mutex_);
    if (now < next_line_) {
      ++unsaid_;
      return std::nullopt;
    }
    next_line_ = now + kInterval;
    unsaid = std::exchange(unsaid_, 0);
  }
  std::string line = "a read of image sha256:" + manifest.hex() + " at byte " + std::to_string(offset) +
                     " failed: " + error.message;
  if (unsaid > 0) line += "; so did " + std::to_string(unsaid) + " reads since the last such line";
  return line;
}

}  // namespace thaw
