// ContentWriter: turns a file's bytes into the segments and the digest of its Inode, and writes them to a
// Spool.
//
// Segments are canonical: the maximal runs of 4 KiB blocks that are not all zero, so that the same content
// has the same segments whether its archive was sparse or not.
//
// Belongs to one thread. Bytes reach the spool in large appends; flush() writes what is left.
#pragma once

#include <vector>

#include "lib/crypto/hash.h"
#include "lib/tree/spool.h"
#include "lib/tree/tree.h"

namespace thaw {

struct FileContent {
  std::vector<Segment> segments;
  Digest digest;  // SHA-256 of the size (8 bytes, little endian) and, a segment, offset, length and bytes
};

class ContentWriter {
 public:
  // REQUIRES: `spool` outlives the writer, and nobody else appends to it meanwhile.
  explicit ContentWriter(Spool& spool);

  // A new file of `size` bytes begins; then write() and skip() in order, then finish().
  void begin(uint64_t size);
  Status write(ByteView bytes);
  // The next `bytes` are zeros.
  Status skip(uint64_t bytes);
  uint64_t offset() const { return offset_; }
  size_t segment_count() const { return segments_.size(); }
  // What was not written up to the size is zeros. REQUIRES: not more than `size` was written.
  Result<FileContent> finish();

  // Writes what is still in memory to the spool.
  Status flush();

 private:
  Status write_blocks(ByteView blocks);
  Status end_partial();
  Status add_run(uint64_t offset, ByteView bytes);
  Status append(ByteView bytes);
  Status hash_again();
  void hash_number(uint64_t value);

  Spool& spool_;
  Buffer pending_;  // bytes that the spool does not have yet
  size_t pending_size_ = 0;
  Buffer partial_;  // one block that is not complete yet
  size_t partial_size_ = 0;

  uint64_t size_ = 0;
  uint64_t offset_ = 0;
  std::vector<Segment> segments_;
  Sha256 hash_;
  // The digest has each segment's length in front of its bytes. Most files are one segment, so the hash runs
  // along on that guess; a file that disproves it is read again from the spool.
  bool guess_holds_ = false;
};

}  // namespace thaw
