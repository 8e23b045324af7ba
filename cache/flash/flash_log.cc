#include "cache/flash/flash_log.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

#include "lib/base/await.h"
#include "lib/base/units.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

constexpr size_t kStageBytes = 4 * kMiB;
// A read of a chunk that comes upon a write waits for it: it is to be a short one.
constexpr size_t kPieceBytes = 256 * kKiB;
// Two small reads each: as many as the file carries out at once.
constexpr size_t kRecoveriesAtOnce = 16;
constexpr uint32_t kPartToReckonFrom = 16;

}  // namespace

std::future<Result<Buffer>> FlashLog::begin_read(uint64_t offset, size_t bytes) {
  return begin<Buffer>([&](Completion<Buffer> done) { file_.read(offset, Buffer(bytes), std::move(done)); });
}

Status FlashLog::write(uint64_t offset, Buffer buffer) {
  const size_t bytes = buffer.size();
  THAW_TRY(await<Buffer>(
      [&](Completion<Buffer> done) { file_.write(offset, std::move(buffer), std::move(done)); }));
  written_ += bytes;
  return {};
}

Status FlashLog::write_in_pieces(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(bytes.size(), kPieceBytes));
    Buffer piece(part.size());
    // Not std::ranges::copy, which GCC 12 makes a loop over single bytes of for spans.
    std::memcpy(piece.mutable_view().data(), part.data(), part.size());
    THAW_TRY(write(offset, std::move(piece)));
    offset += part.size();
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Status FlashLog::sync() {
  THAW_TRY(await<bool>([this](Completion<bool> done) { file_.sync(std::move(done)); }));
  unsynced_ = false;
  return {};
}

uint64_t FlashLog::offset_of(uint32_t region, uint32_t page) const {
  return geometry_.region_offset(region) + page * kFlashPage;
}

Status FlashLog::open(uint64_t bytes) {
  index_.clear();
  last_sequence_ = 0;
  leave_region();
  geometry_ = FlashGeometry::of(bytes);
  if (geometry_.regions < 2) return Error{Code::kUsage, "flash.size is too small"};
  THAW_ASSIGN(const Buffer page, read(0, kFlashPage));
  const auto found = read_superblock(page.view());
  if (!found || found->store != store_) return format();
  const FlashGeometry resized = found->geometry.resized(bytes);
  return resized.regions >= 2 ? adopt(*found, resized) : format();
}

// A new id makes all that an earlier log left on the file nothing.
Status FlashLog::format() {
  fill_random(log_);
  regions_.assign(geometry_.regions, {});
  return write_superblock_page();
}

Status FlashLog::write_superblock_page() {
  Buffer page(kFlashPage);
  write_superblock({store_, log_, geometry_}, page.mutable_view());
  THAW_TRY(write(0, std::move(page)));
  return sync();
}

std::optional<FlashLedger> FlashLog::read_ledger_page() {
  const auto page = read(kFlashLedger, kFlashPage);
  return page.ok() ? read_ledger(page->view()) : std::nullopt;
}

// Not synced: a process that is killed does not take it along, and a power loss does not come every minute.
Status FlashLog::write_ledger_page(const FlashLedger& ledger) {
  Buffer page(kFlashPage);
  write_ledger(ledger, page.mutable_view());
  return write(kFlashLedger, std::move(page));
}

Status FlashLog::resize(uint64_t bytes) {
  const FlashGeometry fresh = geometry_.resized(bytes);
  if (fresh.regions < 2) return Error{Code::kUsage, "flash.size is too small"};
  for (uint32_t region = fresh.regions; region < geometry_.regions; ++region) {
    if (regions_.at(region).sequence != 0) index_.take_region(region, records_of(region));
    if (open_ != region) continue;
    index_.take_region(region, records_);
    leave_region();
  }
  geometry_.regions = fresh.regions;  // only that: readers look at the regions' size
  regions_.resize(fresh.regions);
  return write_superblock_page();
}

Status FlashLog::adopt(const FlashSuperblock& found, const FlashGeometry& geometry) {
  log_ = found.log;
  geometry_ = geometry;
  regions_.assign(geometry_.regions, {});
  const uint32_t regions = std::min(geometry_.regions, found.geometry.regions);
  std::deque<Recovery> under_way;
  for (uint32_t region = 0; region < regions || !under_way.empty();) {
    while (region < regions && under_way.size() < kRecoveriesAtOnce)
      under_way.push_back(begin_recovery(region++));
    const uint32_t recovered = under_way.front().region + 1;
    recover(std::move(under_way.front()));
    under_way.pop_front();
    // Elsewhere there will be about as many; the table need not grow on the way.
    if (recovered == regions / kPartToReckonFrom) index_.reserve(index_.size() * kPartToReckonFrom);
  }
  resume_newest();
  return found.geometry == geometry_ ? Status{} : write_superblock_page();
}

FlashLog::Recovery FlashLog::begin_recovery(uint32_t region) {
  return {region, begin_read(offset_of(region, 0), kFlashPage),
          begin_read(footer_offset(region), footer_bytes())};
}

// A region that cannot be read is empty.
void FlashLog::recover(Recovery recovery) {
  const uint32_t region = recovery.region;
  const auto first = header_in(recovery.header.get(), 0);
  const auto footer = recovery.footer.get();
  if (!first) return;
  regions_.at(region).sequence = first->sequence;
  last_sequence_ = std::max(last_sequence_, first->sequence);
  index_.add(region, records_of(region, footer_in(footer)));
}

// The region that was open goes on behind its last record, unless it is full.
void FlashLog::resume_newest() {
  const auto newest = std::ranges::max_element(regions_, {}, &Region::sequence);
  if (newest == regions_.end() || newest->sequence == 0) return;
  const auto region = static_cast<uint32_t>(newest - regions_.begin());
  if (const auto footer = footer_of(region); footer && footer->sequence == newest->sequence) return;
  open_ = region;
  records_ = scan(region, newest->sequence);
  next_page_ = records_.empty() ? 0 : records_.back().end_page();
}

std::optional<FlashRecordHeader> FlashLog::header_in(const Result<Buffer>& bytes, uint32_t page) const {
  if (!bytes.ok()) return std::nullopt;
  return read_record_header(geometry_, log_, page, bytes->view());
}

std::optional<FlashFooter> FlashLog::footer_in(const Result<Buffer>& bytes) const {
  if (!bytes.ok()) return std::nullopt;
  return read_footer(geometry_, log_, bytes->view());
}

std::optional<FlashFooter> FlashLog::footer_of(uint32_t region) {
  return footer_in(read(footer_offset(region), footer_bytes()));
}

// A footer that is older than the region's first record belongs to what was overwritten.
std::vector<FlashRecord> FlashLog::records_of(uint32_t region, std::optional<FlashFooter> footer) {
  const uint64_t sequence = regions_.at(region).sequence;
  if (footer && footer->sequence == sequence) return std::move(footer->records);
  return scan(region, sequence);
}

std::vector<FlashRecord> FlashLog::scan(uint32_t region, uint64_t sequence) {
  std::vector<FlashRecord> records;
  for (uint32_t page = 0; page < geometry_.record_pages() && records.size() < geometry_.max_records();) {
    const auto header = header_in(read(offset_of(region, page), kFlashPage), page);
    if (!header || header->sequence != sequence) break;
    records.push_back(header->record);
    page = header->record.end_page();
  }
  return records;
}

Status FlashLog::append(const std::vector<SealedChunk>& chunks) {
  Status done;
  for (const SealedChunk& chunk : chunks) {
    done = stage(chunk);
    if (!done.ok()) break;
  }
  if (done.ok()) done = flush();
  if (done.ok()) return {};
  // The place may be bad for good: the next batch goes elsewhere, and this region stays without a footer.
  staged_.clear();
  stage_used_ = 0;
  leave_region();
  return done;
}

bool FlashLog::has_room(const FlashRecord& record) const {
  return record.end_page() <= geometry_.record_pages() &&
         records_.size() + staged_.size() < geometry_.max_records();
}

Status FlashLog::stage(const SealedChunk& chunk) {
  FlashRecord record{chunk.id(), next_page_, chunk.stored_length()};
  if (record.data_pages() > kFlashMaxRecordPages) return {};
  if (!open_ || !has_room(record)) {
    THAW_TRY(seal());
    THAW_TRY(begin_region());
    record.page = next_page_;
    if (!has_room(record)) return {};
  }
  const size_t bytes = (1 + record.data_pages()) * kFlashPage;
  if (stage_used_ + bytes > kStageBytes) THAW_TRY(flush());
  if (stage_.empty()) stage_ = Buffer(kStageBytes);
  const MutableBytes out = stage_.mutable_view().subspan(stage_used_, bytes);
  write_record_header({log_, regions_.at(*open_).sequence}, record, out.first(kFlashPage));
  std::memcpy(out.data() + kFlashPage, chunk.bytes().data(), chunk.bytes().size());
  std::ranges::fill(out.subspan(kFlashPage + chunk.stored_length()), uint8_t{0});
  staged_.push_back(record);
  stage_used_ += bytes;
  next_page_ = record.end_page();
  return {};
}

Status FlashLog::flush() {
  if (staged_.empty()) return {};
  const size_t bytes = std::exchange(stage_used_, 0);
  THAW_TRY(write_in_pieces(offset_of(*open_, staged_.front().page), stage_.view().first(bytes)));
  index_.add(*open_, staged_);
  records_.insert(records_.end(), staged_.begin(), staged_.end());
  staged_.clear();
  return {};
}

Status FlashLog::seal() {
  if (!open_) return {};
  THAW_TRY(flush());
  Buffer footer(footer_bytes());
  write_footer(geometry_, {log_, regions_.at(*open_).sequence}, records_, footer.mutable_view());
  THAW_TRY(write(footer_offset(*open_), std::move(footer)));
  unsynced_ = true;
  leave_region();
  return {};
}

void FlashLog::leave_region() {
  open_.reset();
  records_.clear();
  next_page_ = 0;
}

Status FlashLog::begin_region() {
  const auto oldest = std::ranges::min_element(regions_, {}, &Region::sequence);
  const auto region = static_cast<uint32_t>(oldest - regions_.begin());
  const std::vector<SealedChunk> survivors = survivors_of(region);
  oldest->sequence = ++last_sequence_;
  open_ = region;
  next_page_ = 0;
  for (const SealedChunk& chunk : survivors) THAW_TRY(stage(chunk));
  return {};
}

// What was read again since it was written, up to half a region: the other half makes room for what is new.
std::vector<SealedChunk> FlashLog::survivors_of(uint32_t region) {
  std::vector<SealedChunk> survivors;
  if (regions_.at(region).sequence == 0) return survivors;
  uint32_t pages = 0;
  const FlashIndex::Taken taken = index_.take_region(region, records_of(region));
  for (const FlashRecord& record : taken.read_again) {
    pages += 1 + record.data_pages();
    if (pages > geometry_.record_pages() / 2) break;
    auto bytes = read(offset_of(region, record.page + 1), record.data_pages() * kFlashPage);
    if (!bytes.ok()) continue;
    bytes->truncate(record.stored_length);
    auto chunk = SealedChunk::verify({record.id, record.stored_length}, std::move(bytes).value());
    if (chunk.ok()) survivors.push_back(std::move(chunk).value());
  }
  evicted_ += taken.chunks - survivors.size();
  return survivors;
}

}  // namespace thaw
