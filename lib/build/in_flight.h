// InFlight: counts operations that are under way, keeps them below a limit, and holds the first error.
//
// One thread starts operations (start, drain) and owns the object; any thread finishes them, by completing
// what start() gave, or by dropping it. Used by everything in lib/build that works on many chunks at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/completion.h"
#include "lib/base/mutex.h"

namespace thaw {

class InFlight {
 public:
  explicit InFlight(size_t limit) : limit_(limit) {}

  // Waits for room, then counts an operation, which ends when the completion is called. Empty, and nothing is
  // counted, once something has failed.
  Completion<void> start() EXCLUDES(mutex_);
  // Waits until nothing is under way; the first error.
  Status drain() EXCLUDES(mutex_);

  uint64_t finished() EXCLUDES(mutex_);

 private:
  void finish(Status status) EXCLUDES(mutex_);

  const size_t limit_;
  Mutex mutex_;
  CondVar changed_;
  size_t under_way_ GUARDED_BY(mutex_) = 0;
  uint64_t finished_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

}  // namespace thaw
