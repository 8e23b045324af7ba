// DataKeyCache: a key service that remembers what it unwrapped, so that an image which is mounted again and
// again asks once, and a key service that is away for a while is missed less.
//
// With limits: so many data keys, the oldest go first; each for so long, since a key that was retired should
// stop to open. They lie in locked memory that core files leave out, and are wiped when they go, a late one
// at the latest with the next call. Only what was authentic is remembered, under all that was asked.
//
// Any thread may call anything; the service is called without a lock held.
#pragma once

#include <deque>
#include <string>

#include "lib/base/clock.h"
#include "lib/base/digest.h"
#include "lib/base/mutex.h"
#include "lib/keys/key_service.h"

namespace thaw {

struct DataKeyLimits {
  size_t keys = 256;
  Duration age = std::chrono::minutes(10);  // zero: nothing is remembered
};

class DataKeyCache final : public KeyService {
 public:
  // `service` and `clock` outlive it.
  DataKeyCache(KeyService& service, const Clock& clock, const DataKeyLimits& limits);

  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override;
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override EXCLUDES(mutex_);
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override;

 private:
  struct Remembered {
    Digest question;
    size_t slot = 0;  // in table_
    TimePoint until;
  };

  void forget_late_ones() REQUIRES(mutex_);
  void forget_oldest() REQUIRES(mutex_);
  MutableBytes slot(size_t index) REQUIRES(mutex_);
  void remember(const Digest& question, const Secret& secret) EXCLUDES(mutex_);

  KeyService& service_;
  const Clock& clock_;
  const DataKeyLimits limits_;
  Mutex mutex_;
  KeyTable table_ GUARDED_BY(mutex_);
  std::deque<Remembered> oldest_first_ GUARDED_BY(mutex_);
  std::vector<size_t> free_ GUARDED_BY(mutex_);  // slots of table_
};

}  // namespace thaw
