// FailedReads: what the log says of reads that were answered with an error. One line at most in a while: a
// store that is away fails thousands.
//
// Owned by ServedImages. Any thread may call.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

class FailedReads {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(5);

  // The line to be logged now; nothing when it is not yet time for one. `offset` in bytes of the device.
  std::optional<std::string> note(const Digest& manifest, uint64_t offset, const Error& error, TimePoint now);

 private:
  Mutex mutex_;
  TimePoint next_line_ GUARDED_BY(mutex_) = TimePoint::min();
  uint64_t unsaid_ GUARDED_BY(mutex_) = 0;
};

}  // namespace thaw
