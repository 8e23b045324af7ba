#include "daemon/counters_page.h"

#include <cstring>

namespace thaw {
namespace {

uint64_t key_of(const Digest& manifest) {
  uint64_t key = 0;
  std::memcpy(&key, manifest.bytes.data(), sizeof key);
  return key | 1;
}

}  // namespace

ImageCounters& CountersPage::image(const Digest& manifest) {
  const uint64_t key = key_of(manifest);
  for (ImageSlot& slot : images) {
    if (slot.key.load() == key) return slot.counters;
  }
  for (ImageSlot& slot : images) {
    uint64_t free = 0;
    if (slot.key.compare_exchange_strong(free, key)) return slot.counters;
  }
  return overflow.counters;
}

void CountersPage::forget_image(const Digest& manifest) {
  const uint64_t key = key_of(manifest);
  for (ImageSlot& slot : images) {
    if (slot.key.load() != key) continue;
    slot.counters.bytes_read = 0;
    for (auto& count : slot.counters.chunks_fetched) count = 0;
    slot.key = 0;
  }
}

}  // namespace thaw
