// FlashLog: the writing side of the flash tier: regions that are filled one after the other, the oldest one
// emptied to make room, and what is found again after a restart (docs/formats/flash.md).
//
// Owned by FlashStore and used by its writer thread alone; every call blocks on the disk. What it writes it
// puts into the index, once it lies on the file; what it overwrites it takes out before.
#pragma once

#include <future>
#include <optional>
#include <vector>

#include "cache/flash/flash_format.h"
#include "cache/flash/flash_index.h"
#include "lib/io/disk_file.h"

namespace thaw {

class FlashLog {
 public:
  // `store`: whose chunks these are.
  FlashLog(DiskFile& file, FlashIndex& index, const Digest& store)
      : file_(file), index_(index), store_(store) {}

  // Reads what is there, or starts anew. `bytes`: how large the file is. Errors: those of the disk; it may be
  // opened again then.
  Status open(uint64_t bytes);

  // Writes all of them, in order. After an error those that were not written are gone, and the log goes on
  // in another region.
  Status append(const std::vector<SealedChunk>& chunks);

  // What an earlier process noted; none on a file that is new, or where it cannot be read.
  std::optional<FlashLedger> read_ledger_page();
  Status write_ledger_page(const FlashLedger& ledger);

  // Whether a region was sealed that a power loss may take still; and what ends that.
  bool is_unsynced() const { return unsynced_; }
  Status sync();

  // As many regions as fit into `bytes` from now on; what lies beyond is forgotten, and may be cut off the
  // file afterwards. REQUIRES: open() succeeded; a larger file has its new size already
  Status resize(uint64_t bytes);

  // Once it was opened any thread may ask it where a region begins.
  const FlashGeometry& geometry() const { return geometry_; }
  // Written to the file since it was opened, all that is not chunks among it.
  uint64_t written_bytes() const { return written_; }
  // Chunks that were overwritten by others since it was opened.
  uint64_t evicted() const { return evicted_; }

 private:
  struct Region {
    uint64_t sequence = 0;  // 0: empty
  };

  Status format();
  Status write_superblock_page();
  Status adopt(const FlashSuperblock& found, const FlashGeometry& geometry);
  // A region's first header and footer, on their way from the file.
  struct Recovery {
    uint32_t region = 0;
    std::future<Result<Buffer>> header;
    std::future<Result<Buffer>> footer;
  };
  Recovery begin_recovery(uint32_t region);
  void recover(Recovery recovery);
  void resume_newest();

  Status stage(const SealedChunk& chunk);
  Status flush();
  Status seal();
  Status begin_region();
  // None is open then.
  void leave_region();
  std::vector<SealedChunk> survivors_of(uint32_t region);
  std::vector<FlashRecord> records_of(uint32_t region) { return records_of(region, footer_of(region)); }
  std::vector<FlashRecord> records_of(uint32_t region, std::optional<FlashFooter> footer);
  std::vector<FlashRecord> scan(uint32_t region, uint64_t sequence);
  std::optional<FlashRecordHeader> header_in(const Result<Buffer>& bytes, uint32_t page) const;
  std::optional<FlashFooter> footer_in(const Result<Buffer>& bytes) const;
  std::optional<FlashFooter> footer_of(uint32_t region);
  uint64_t footer_offset(uint32_t region) const { return offset_of(region, geometry_.record_pages()); }
  size_t footer_bytes() const { return geometry_.footer_pages() * kFlashPage; }
  bool has_room(const FlashRecord& record) const;
  uint64_t offset_of(uint32_t region, uint32_t page) const;

  std::future<Result<Buffer>> begin_read(uint64_t offset, size_t bytes);
  Result<Buffer> read(uint64_t offset, size_t bytes) { return begin_read(offset, bytes).get(); }
  Status write(uint64_t offset, Buffer buffer);
  Status write_in_pieces(uint64_t offset, ByteView bytes);

  DiskFile& file_;
  FlashIndex& index_;
  const Digest store_;
  FlashGeometry geometry_{};
  FlashLogId log_{};
  std::vector<Region> regions_;
  uint64_t last_sequence_ = 0;
  uint64_t written_ = 0;
  uint64_t evicted_ = 0;
  bool unsynced_ = false;

  // The open region.
  std::optional<uint32_t> open_;
  uint32_t next_page_ = 0;            // where the next record goes, staged ones included
  std::vector<FlashRecord> records_;  // on the file
  std::vector<FlashRecord> staged_;   // in `stage_`
  Buffer stage_;                      // whole pages; the first is staged_.front().page
  size_t stage_used_ = 0;             // bytes
};

}  // namespace thaw
