// SequenceMemory: the highest sequence that this machine has seen for each name, so that an old name record
// cannot be played back to it. A folder of small files, written atomically.
//
// Blocking; any thread, one call at a time for one name.
#pragma once

#include <string>

#include "lib/manifest/name_record.h"

namespace thaw {

enum class Rollback : uint8_t { kRefuse, kAllow };

class SequenceMemory {
 public:
  explicit SequenceMemory(std::string folder) : folder_(std::move(folder)) {}

  // Remembers the record's sequence. kRefused when a higher one was seen and `rollback` is kRefuse; kAllow
  // lowers it.
  Status check(const NameRecord& record, Rollback rollback) const;

 private:
  std::string folder_;
};

}  // namespace thaw
