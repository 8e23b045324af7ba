// RecordTable: what the supervisor keeps for the worker, and the part of it that the next supervisor of this
// boot finds in a file: {"boot_id": …, "records": {key: value}}, mode 0600, replaced atomically before a
// record is acknowledged.
//
// Owned by the supervisor, one thread. Records and their bytes are bounded.
#pragma once

#include <map>
#include <string>

#include "daemon/mounts/records.h"
#include "lib/base/result.h"

namespace thaw {

class RecordTable {
 public:
  static constexpr size_t kMaxRecords = 8192;
  static constexpr size_t kMaxKeyBytes = 256;
  static constexpr uint64_t kMaxBlobBytesInAll = uint64_t{4} << 30;

  struct Kept {
    Record record;
    Keep keep = Keep::kInMemory;
    uint64_t blob_bytes = 0;
  };

  // Reads what an earlier supervisor saved; a file of another boot or none is an empty one.
  static Result<RecordTable> load(const std::string& file);

  Status put(Record record, Keep keep);
  Status remove(const std::string& key);
  // Forgets everything, on disk as well.
  Status clear();

  const std::map<std::string, Kept>& records() const { return records_; }
  const std::map<std::string, std::string>& earlier() const { return earlier_; }

 private:
  explicit RecordTable(std::string file) : file_(std::move(file)) {}
  Status save();
  Status check(const Record& record, uint64_t blob_bytes) const;

  std::string file_;
  std::map<std::string, Kept> records_;
  std::map<std::string, std::string> earlier_;  // by an earlier supervisor, not replaced yet
  uint64_t blob_bytes_ = 0;
  bool unsaved_ = false;  // the file says something else
};

// The kernel's id of this boot.
Result<std::string> boot_id();

}  // namespace thaw
