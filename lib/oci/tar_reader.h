// TarReader: reads a tar archive from a stream, entry by entry, in constant memory.
//
// Our own, where a library would do for most archives: names must come out as the bytes that they are,
// whatever the locale (libarchive 3.6 normalises names in a UTF-8 locale, and reads a time of -1.5 s as -0.5
// s), every header has to be bounded before it is held, and `umoci unpack`, which reads with Go's
// archive/tar, is what we are measured by. Like that: one block of zeros ends nothing, two end the archive;
// links, devices and directories have no data; a global pax header changes nothing.
//
// Belongs to one thread. Errors: kDamaged for what is no tar, kFailed for a limit, and the stream's own.
#pragma once

#include "lib/oci/byte_stream.h"
#include "lib/oci/limits.h"
#include "lib/oci/pax.h"
#include "lib/oci/tar_entry.h"
#include "lib/oci/tar_header.h"

namespace thaw {

// Bytes of a file; valid until the next call of the reader.
struct TarData {
  uint64_t offset = 0;  // in the file
  ByteView bytes;
};

class TarReader {
 public:
  // REQUIRES: both outlive the reader.
  TarReader(ByteStream& stream, const Limits& limits) : stream_(stream), limits_(limits) {}

  // Goes to the next entry; false at the archive's end. What is left of the entry before is skipped.
  Result<bool> next(TarEntry& entry);

  // The entry's next bytes in the archive, holes left out; empty at its end.
  Result<TarData> data();

  // Where the next unread byte lies in the stream.
  uint64_t position() const { return position_; }

  // Reads the stream to its end, whatever follows the archive.
  Status drain();

 private:
  Result<bool> read_block(TarBlock& block);
  Result<bool> read_header_block(TarBlock& block);
  Status read_exactly(MutableBytes out);
  Status fill();
  Status skip(uint64_t bytes);
  Status skip_rest();
  ByteView take(uint64_t at_most);

  // True when `header` was one that describes the entry behind it.
  Result<bool> read_special(const TarHeader& header);
  Result<std::string> read_special_text(uint64_t size);
  Status finish_entry(TarHeader& header, const TarBlock& block, TarEntry& entry);
  Status apply_pax(TarHeader& header);
  Status read_old_sparse(const TarBlock& block, TarEntry& entry);
  Status read_sparse_map();
  Result<uint64_t> read_map_number();
  Status count_header(uint64_t bytes);

  ByteStream& stream_;
  const Limits& limits_;
  Buffer buffer_;
  size_t used_ = 0;  // of buffer_
  uint64_t position_ = 0;

  // The headers in front of an entry.
  PaxRecords pax_;
  std::optional<std::string> long_path_;
  std::optional<std::string> long_link_;
  uint64_t header_bytes_ = 0;

  // The current entry's data.
  uint64_t stored_ = 0;   // bytes not read yet
  uint64_t padding_ = 0;  // behind them
  std::vector<SparseRange> ranges_;
  size_t range_ = 0;
  uint64_t range_used_ = 0;
  bool ended_ = false;
};

}  // namespace thaw
