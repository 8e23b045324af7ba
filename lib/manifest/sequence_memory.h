// SequenceMemory: the highest sequence that this machine has seen for each name, so that a store that was set
// back to an older record cannot roll an image back (docs/formats/name-record.md).
//
// A folder of small files in state_dir, one a name; each is replaced atomically. Blocking; any thread may
// call, and several processes may share a folder: a lock file is held while one name is compared and raised.
#pragma once

#include <string>

#include "lib/base/file.h"
#include "lib/base/result.h"
#include "lib/manifest/name_record.h"

namespace thaw {

enum class Rollback : uint8_t {
  kRefuse,
  kAllow,  // a person said so: the lower sequence is taken and remembered
};

class SequenceMemory {
 public:
  // Makes `folder` at the first use.
  explicit SequenceMemory(std::string folder) : folder_(std::move(folder)) {}

  // kRefused when `record` is older than what was seen; else remembers it, durably.
  Status check(const NameRecord& record, Rollback rollback);

  // The highest that was seen for the record's name, whatever its own is; 0 when none was. Writes it anew, so
  // that a folder in which nothing can be written is found before the record is.
  Result<uint64_t> prepare(const NameRecord& record);
  // Remembers a record that this machine wrote; another process may have seen a later one by now.
  Status raise(const NameRecord& record);

 private:
  Result<Fd> lock() const;

  const std::string folder_;
};

}  // namespace thaw
