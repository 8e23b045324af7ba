// Record: what the supervisor keeps for the worker and gives back to the next one. RecordKeeper: how the
// worker hands it over.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

struct Record {
  std::string key;    // "mount/<id>"
  std::string value;  // no secrets when it is saved
  Fd blob;            // a sealed memfd, or none; may hold secrets
};

enum class Keep : uint8_t {
  kInMemory,  // as long as the supervisor lives
  kSaved,     // key and value also for the next supervisor of this boot, without the blob
};

class RecordKeeper {
 public:
  virtual ~RecordKeeper() = default;
  // Returns once the record is kept; replaces an older one. Any thread; waits for the supervisor.
  virtual Status put(Record record, Keep keep) = 0;
  // What is not there is no error. One that an earlier supervisor saved stays until it is replaced by a saved
  // one, or removed while nothing else has its key: a remount that fails does not lose it.
  virtual Status remove(const std::string& key) = 0;
};

// A sealed memfd with these bytes, and its contents. kFailed above kMaxBlobBytes.
inline constexpr uint64_t kMaxBlobBytes = 64 << 20;
Result<Fd> make_blob(ByteView bytes);
Result<Buffer> read_blob(const Fd& blob);

}  // namespace thaw
