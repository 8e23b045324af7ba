// The flash log's format on disk (docs/formats/flash.md): superblock, record headers, region footers. Pure
// functions over bytes; nothing that is read is trusted before its CRC-32C fits, and what it names is checked
// by its id anyway.
//
// All numbers are little-endian; positions inside a region are counted in pages of 4 KiB.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

inline constexpr uint64_t kFlashPage = 4096;
inline constexpr uint64_t kFlashLedger = kFlashPage;    // where the ledger lies, bytes
inline constexpr uint64_t kFlashFirstRegion = 1 << 20;  // where region 0 begins, bytes
inline constexpr uint32_t kFlashMaxRecordPages = 256;   // of one chunk: 1 MiB

using FlashLogId = std::array<uint8_t, 16>;  // random, another one each time that a file is formatted

struct FlashGeometry {
  uint32_t region_pages = 0;
  uint32_t regions = 0;

  // The largest regions that leave at least 16 of them in `bytes` (4 MiB to 16 MiB each, or less for a small
  // file).
  static FlashGeometry of(uint64_t bytes);
  // As many regions of the same size as fit into `bytes`.
  FlashGeometry resized(uint64_t bytes) const;

  uint64_t region_offset(uint32_t region) const {
    return kFlashFirstRegion + uint64_t{region} * region_pages * kFlashPage;
  }
  uint64_t file_bytes() const { return region_offset(regions); }
  // So many records at most, so that the footer has a fixed place.
  uint32_t max_records() const { return region_pages / 8; }
  uint32_t footer_pages() const;
  // Pages for records, each with its header page.
  uint32_t record_pages() const { return region_pages - footer_pages(); }

  bool operator==(const FlashGeometry&) const = default;
};

struct FlashSuperblock {
  Digest store;  // what the chunks belong to: another store's log is started anew
  FlashLogId log{};
  FlashGeometry geometry;
};

// What was written lately, of the file and not of one log on it: wear is the disk's.
struct FlashLedger {
  uint64_t spent = 0;    // of the daily budget, bytes
  uint64_t at_unix = 0;  // when that was so, seconds
};

// One record: a header page, then the sealed chunk padded to whole pages.
struct FlashRecord {
  ChunkId id;
  uint32_t page = 0;  // of the header, in its region
  uint32_t stored_length = 0;

  uint32_t data_pages() const { return static_cast<uint32_t>((stored_length + kFlashPage - 1) / kFlashPage); }
  uint32_t end_page() const { return page + 1 + data_pages(); }
};

struct FlashRegionHeader {
  FlashLogId log{};
  uint64_t sequence = 0;  // of the region, one more each time that any region is begun
};

// Each writes exactly one page.
void write_superblock(const FlashSuperblock& superblock, MutableBytes page);
void write_ledger(const FlashLedger& ledger, MutableBytes page);
void write_record_header(const FlashRegionHeader& region, const FlashRecord& record, MutableBytes page);
// Writes geometry.footer_pages() pages. REQUIRES: records.size() <= geometry.max_records()
void write_footer(const FlashGeometry& geometry, const FlashRegionHeader& region,
                  const std::vector<FlashRecord>& records, MutableBytes pages);

std::optional<FlashSuperblock> read_superblock(ByteView page);
std::optional<FlashLedger> read_ledger(ByteView page);

struct FlashRecordHeader {
  uint64_t sequence = 0;
  FlashRecord record;
};
// The record that begins at `page` of a region of this log.
std::optional<FlashRecordHeader> read_record_header(const FlashGeometry& geometry, const FlashLogId& log,
                                                    uint32_t page, ByteView bytes);

struct FlashFooter {
  uint64_t sequence = 0;
  std::vector<FlashRecord> records;
};
std::optional<FlashFooter> read_footer(const FlashGeometry& geometry, const FlashLogId& log, ByteView pages);

}  // namespace thaw
