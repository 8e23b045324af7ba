#include "cache/flash/flash_index.h"

namespace thaw {
namespace {

constexpr size_t kAhead = 8;

}  // namespace

std::optional<FlashIndex::Place> FlashIndex::find(const ChunkRef& ref) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(prefix_of(ref.id));
  if (found == entries_.end()) return std::nullopt;
  Entry& entry = found->second;
  if (entry.data_pages != FlashRecord{ref.id, 0, ref.stored_length}.data_pages()) return std::nullopt;
  entry.read_again = 1;
  return entry.place();
}

bool FlashIndex::contains(const ChunkId& id) const {
  MutexLock lock(mutex_);
  return entries_.contains(prefix_of(id));
}

void FlashIndex::add(uint32_t region, const std::vector<FlashRecord>& records) {
  MutexLock lock(mutex_);
  // A restart adds millions, and each lies elsewhere in memory.
  for (size_t i = 0; i < records.size(); ++i) {
    if (i + kAhead < records.size()) entries_.prefetch(prefix_of(records[i + kAhead].id));
    entries_[prefix_of(records[i].id)] = entry_of(region, records[i]);
  }
}

void FlashIndex::clear() {
  MutexLock lock(mutex_);
  entries_.clear();
}

void FlashIndex::reserve(size_t chunks) {
  MutexLock lock(mutex_);
  entries_.reserve(chunks);
}

bool FlashIndex::remove(const ChunkId& id, const Place& place) {
  MutexLock lock(mutex_);
  const auto found = entries_.find(prefix_of(id));
  if (found == entries_.end() || found->second.place() != place) return false;
  entries_.erase(found);
  return true;
}

FlashIndex::Taken FlashIndex::take_region(uint32_t region, const std::vector<FlashRecord>& records) {
  Taken taken;
  MutexLock lock(mutex_);
  for (const FlashRecord& record : records) {
    const auto found = entries_.find(prefix_of(record.id));
    if (found == entries_.end() || found->second.place() != entry_of(region, record).place()) continue;
    if (found->second.read_again != 0) taken.read_again.push_back(record);
    ++taken.chunks;
    entries_.erase(found);
  }
  return taken;
}

size_t FlashIndex::size() const {
  MutexLock lock(mutex_);
  return entries_.size();
}

uint64_t FlashIndex::prefix_of(const ChunkId& id) { return ChunkIdHash()(id); }

FlashIndex::Entry FlashIndex::entry_of(uint32_t region, const FlashRecord& record) {
  Entry entry;
  entry.region = region;
  entry.page = static_cast<uint16_t>(record.page);
  entry.data_pages = static_cast<uint16_t>(record.data_pages() & 0x7FFF);
  return entry;
}

}  // namespace thaw
