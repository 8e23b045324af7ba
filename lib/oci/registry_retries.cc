#include "lib/oci/registry_retries.h"

#include <condition_variable>
#include <mutex>

#include "lib/crypto/random.h"

namespace thaw {
namespace {

void wait_unless_stopped(Duration time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock<std::mutex> lock(mutex);
  never.wait_for(lock, stop, time, [] { return false; });
}

RetryBackoff fresh_backoff(const DownloadLimits& limits) {
  return {limits.first_backoff, limits.longest_backoff, random_number()};
}

}  // namespace

RegistryRetries::RegistryRetries(const DownloadLimits& limits, std::stop_token stop)
    : limits_(limits), stop_(std::move(stop)), backoff_(fresh_backoff(limits)) {}

void RegistryRetries::progressed() {
  if (failures_ == 0) return;
  failures_ = 0;
  backoff_ = fresh_backoff(limits_);
}

Status RegistryRetries::after(Error error) {
  const bool passes = error.code == Code::kUnreachable || error.code == Code::kTimedOut;
  if (!passes || ++failures_ >= limits_.failures) return error;
  wait_unless_stopped(backoff_.next(error.retry_after), stop_);
  if (stop_.stop_requested()) return Error{Code::kCancelled, "the download was stopped"};
  return {};
}

}  // namespace thaw
