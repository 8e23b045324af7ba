// Spool: an anonymous temporary file that holds the contents of an image's files while it is being built.
//
// The file has no name (O_TMPFILE), so that plaintext is gone with the process. One thread appends and
// replaces; any thread reads what was written before.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/buffer.h"
#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class Spool {
 public:
  // `folder` must be on a filesystem with O_TMPFILE. Blocking.
  static Result<Spool> create(const std::string& folder);

  // Writes `bytes` behind all that was appended before and returns where they lie.
  Result<uint64_t> append(ByteView bytes);

  // Writes `bytes` over what was appended there. REQUIRES: the range was appended before
  Status write(uint64_t offset, ByteView bytes) const;

  // Drops all that was appended. REQUIRES: nobody reads it any more
  Status clear();

  // Fills `out` from `offset`. REQUIRES: the range was appended before.
  Status read(uint64_t offset, MutableBytes out) const;

  uint64_t size() const { return size_; }

 private:
  std::string folder_;
  Fd fd_;
  uint64_t size_ = 0;
};

}  // namespace thaw
