#include "cache/flash/flash_format.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "lib/base/units.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kSuperblockMagic = "THAWFL01";
constexpr std::string_view kLedgerMagic = "THAWFW01";
constexpr std::string_view kRecordMagic = "THAWFR01";
constexpr std::string_view kFooterMagic = "THAWFF01";
constexpr size_t kFooterHeadBytes = 64;
constexpr size_t kFooterEntryBytes = 40;
constexpr uint32_t kLeastRegions = 16;
constexpr uint32_t kLeastRegionPages = 4 * kMiB / kFlashPage;
constexpr uint32_t kMostRegionPages = 16 * kMiB / kFlashPage;

class Writer {
 public:
  explicit Writer(MutableBytes out) : out_(out) { std::ranges::fill(out_, uint8_t{0}); }
  void bytes(ByteView bytes) {
    std::ranges::copy(bytes, out_.begin() + static_cast<ptrdiff_t>(at_));
    at_ += bytes.size();
  }
  template <class T>
  void number(T value) {
    for (size_t i = 0; i < sizeof value; ++i, ++at_) out_[at_] = static_cast<uint8_t>(value >> (8 * i));
  }
  // Over all that was written so far, and `more`.
  void checksum(ByteView more = {}) { number(crc32c(out_.first(at_)) ^ (more.empty() ? 0 : crc32c(more))); }

 private:
  MutableBytes out_;
  size_t at_ = 0;
};

// Reads what Writer wrote. REQUIRES: the bytes are there
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  ByteView bytes(size_t count) {
    at_ += count;
    return in_.subspan(at_ - count, count);
  }
  template <class T>
  T number() {
    T value = 0;
    for (size_t i = 0; i < sizeof value; ++i, ++at_) value |= static_cast<T>(T{in_[at_]} << (8 * i));
    return value;
  }
  template <class Array>
  void array(Array& out) {
    std::ranges::copy(bytes(out.size()), out.begin());
  }
  bool checksum(ByteView more = {}) {
    const uint32_t expected = crc32c(in_.first(at_)) ^ (more.empty() ? 0 : crc32c(more));
    return number<uint32_t>() == expected;
  }

 private:
  ByteView in_;
  size_t at_ = 0;
};

// Whether a record may lie there.
bool fits(const FlashGeometry& geometry, const FlashRecord& record) {
  return record.stored_length > 0 && record.stored_length <= kFlashMaxRecordPages * kFlashPage &&
         record.page < geometry.record_pages() && record.end_page() <= geometry.record_pages();
}

}  // namespace

FlashGeometry FlashGeometry::of(uint64_t bytes) {
  constexpr uint64_t kLargest = kMostRegionPages * kFlashPage;
  constexpr uint64_t kSmallest = kLeastRegionPages * kFlashPage;
  const uint64_t usable = bytes > kFlashFirstRegion ? bytes - kFlashFirstRegion : 0;
  const uint64_t region = std::clamp(usable / kLeastRegions / kMiB * kMiB, kSmallest, kLargest);
  return FlashGeometry{static_cast<uint32_t>(region / kFlashPage), 0}.resized(bytes);
}

FlashGeometry FlashGeometry::resized(uint64_t bytes) const {
  const uint64_t usable = bytes > kFlashFirstRegion ? bytes - kFlashFirstRegion : 0;
  return {region_pages, static_cast<uint32_t>(usable / (region_pages * kFlashPage))};
}

uint32_t FlashGeometry::footer_pages() const {
  return static_cast<uint32_t>(round_up(kFooterHeadBytes + max_records() * kFooterEntryBytes, kFlashPage) /
                               kFlashPage);
}

void write_superblock(const FlashSuperblock& superblock, MutableBytes page) {
  Writer out(page);
  out.bytes(as_bytes(kSuperblockMagic));
  out.bytes(superblock.store.view());
  out.bytes(superblock.log);
  out.number(superblock.geometry.region_pages);
  out.number(superblock.geometry.regions);
  out.checksum();
}

std::optional<FlashSuperblock> read_superblock(ByteView page) {
  if (page.size() < kFlashPage) return std::nullopt;
  Reader in(page);
  FlashSuperblock superblock;
  if (as_text(in.bytes(kSuperblockMagic.size())) != kSuperblockMagic) return std::nullopt;
  in.array(superblock.store.bytes);
  in.array(superblock.log);
  superblock.geometry.region_pages = in.number<uint32_t>();
  superblock.geometry.regions = in.number<uint32_t>();
  const uint32_t pages = superblock.geometry.region_pages;
  if (!in.checksum() || pages < kLeastRegionPages || pages > kMostRegionPages) return std::nullopt;
  return superblock;
}

void write_ledger(const FlashLedger& ledger, MutableBytes page) {
  Writer out(page);
  out.bytes(as_bytes(kLedgerMagic));
  out.number(ledger.spent);
  out.number(ledger.at_unix);
  out.checksum();
}

std::optional<FlashLedger> read_ledger(ByteView page) {
  if (page.size() < kFlashPage) return std::nullopt;
  Reader in(page);
  if (as_text(in.bytes(kLedgerMagic.size())) != kLedgerMagic) return std::nullopt;
  FlashLedger ledger;
  ledger.spent = in.number<uint64_t>();
  ledger.at_unix = in.number<uint64_t>();
  if (!in.checksum()) return std::nullopt;
  return ledger;
}

void write_record_header(const FlashRegionHeader& region, const FlashRecord& record, MutableBytes page) {
  Writer out(page);
  out.bytes(as_bytes(kRecordMagic));
  out.bytes(region.log);
  out.number(region.sequence);
  out.number(record.page);
  out.number(record.stored_length);
  out.bytes(record.id.view());
  out.checksum();
}

std::optional<FlashRecordHeader> read_record_header(const FlashGeometry& geometry, const FlashLogId& log,
                                                    uint32_t page, ByteView bytes) {
  if (bytes.size() < kFlashPage) return std::nullopt;
  Reader in(bytes);
  FlashRecordHeader header;
  if (as_text(in.bytes(kRecordMagic.size())) != kRecordMagic) return std::nullopt;
  FlashLogId found{};
  in.array(found);
  header.sequence = in.number<uint64_t>();
  header.record.page = in.number<uint32_t>();
  header.record.stored_length = in.number<uint32_t>();
  in.array(header.record.id.bytes);
  if (!in.checksum() || found != log || header.record.page != page || !fits(geometry, header.record))
    return std::nullopt;
  return header;
}

void write_footer(const FlashGeometry& geometry, const FlashRegionHeader& region,
                  const std::vector<FlashRecord>& records, MutableBytes pages) {
  Writer entries(pages.first(geometry.footer_pages() * kFlashPage).subspan(kFooterHeadBytes));
  for (const FlashRecord& record : records) {
    entries.bytes(record.id.view());
    entries.number(record.page);
    entries.number(record.stored_length);
  }
  Writer out(pages.first(kFooterHeadBytes));
  out.bytes(as_bytes(kFooterMagic));
  out.bytes(region.log);
  out.number(region.sequence);
  out.number(static_cast<uint32_t>(records.size()));
  out.checksum(pages.subspan(kFooterHeadBytes, records.size() * kFooterEntryBytes));
}

std::optional<FlashFooter> read_footer(const FlashGeometry& geometry, const FlashLogId& log, ByteView pages) {
  if (pages.size() < geometry.footer_pages() * kFlashPage) return std::nullopt;
  Reader in(pages);
  FlashFooter footer;
  if (as_text(in.bytes(kFooterMagic.size())) != kFooterMagic) return std::nullopt;
  FlashLogId found{};
  in.array(found);
  footer.sequence = in.number<uint64_t>();
  const auto count = in.number<uint32_t>();
  if (found != log || count > geometry.max_records()) return std::nullopt;
  const ByteView entries = pages.subspan(kFooterHeadBytes, count * kFooterEntryBytes);
  if (!in.checksum(entries)) return std::nullopt;
  Reader list(entries);
  footer.records.resize(count);
  for (FlashRecord& record : footer.records) {
    list.array(record.id.bytes);
    record.page = list.number<uint32_t>();
    record.stored_length = list.number<uint32_t>();
    if (!fits(geometry, record)) return std::nullopt;
  }
  return footer;
}

}  // namespace thaw
