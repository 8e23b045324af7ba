// RegistryRetries: whether a download that met trouble is tried again, and when: what passes, a few times in
// a row, with waits in between (RetryBackoff). Progress counts anew.
//
// Belongs to one download.
#pragma once

#include <stop_token>

#include "lib/base/result.h"
#include "lib/base/retry_backoff.h"

namespace thaw {

struct DownloadLimits {
  unsigned failures = 6;  // in a row, the last of which is the download's
  Duration first_backoff = std::chrono::milliseconds(200);
  Duration longest_backoff = std::chrono::seconds(5);
};

class RegistryRetries {
 public:
  RegistryRetries(const DownloadLimits& limits, std::stop_token stop);

  void progressed();

  // Waits until it is time for another try, or returns the error when there shall be none.
  Status after(Error error);

 private:
  const DownloadLimits limits_;
  const std::stop_token stop_;
  RetryBackoff backoff_;
  unsigned failures_ = 0;
};

}  // namespace thaw
