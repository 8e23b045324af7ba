#include "lib/build/in_flight.h"

namespace thaw {

Completion<void> InFlight::start() {
  const MutexLock lock(mutex_);
  while (under_way_ >= limit_ && !error_) changed_.wait(mutex_);
  if (error_) return {};
  ++under_way_;
  return [this](Status status) { finish(std::move(status)); };
}

void InFlight::finish(Status status) {
  // Notified under the lock: drain() may return, and its caller destroy this, right after it is released.
  const MutexLock lock(mutex_);
  if (!status.ok() && !error_) error_ = std::move(status).error();
  --under_way_;
  ++finished_;
  changed_.notify_all();
}

Status InFlight::drain() {
  const MutexLock lock(mutex_);
  while (under_way_ > 0) changed_.wait(mutex_);
  if (error_) return *error_;
  return {};
}

uint64_t InFlight::finished() {
  const MutexLock lock(mutex_);
  return finished_;
}

}  // namespace thaw
