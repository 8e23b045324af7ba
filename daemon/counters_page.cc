#include "daemon/counters_page.h"

#include <cstring>

namespace thaw {
namespace {

uint64_t key_of(const Digest& manifest) {
  uint64_t key = 0;
  std::memcpy(&key, manifest.bytes.data(), sizeof key);
  return key | 1;
}

void clear(ImageCounters& counters) {
  for (auto* by_tier : {&counters.bytes_answered, &counters.chunks_fetched, &counters.bytes_fetched}) {
    for (auto& count : *by_tier) count = 0;
  }
  counters.zeros_answered = 0;
}

}  // namespace

void CountersPage::add_latency_to(LatencyHistogram& latency) const {
  latency.add(slower);
  latency.add(tiers.at(static_cast<size_t>(Tier::kMemory)).latency);
}

void CountersPage::forget_in_flight() {
  for (TierCounters& tier : tiers) tier.in_flight = 0;
}

ImageCounters& CountersPage::image(const Digest& manifest) {
  const uint64_t key = key_of(manifest);
  for (ImageSlot& slot : images) {
    if (slot.key.load() == key) return slot.counters;
  }
  for (ImageSlot& slot : images) {
    uint64_t free = 0;
    const bool is_new = slot.key.compare_exchange_strong(free, key);
    if (is_new) clear(slot.counters);
    if (is_new || free == key) return slot.counters;  // or another thread was first with the same image
  }
  return overflow.counters;
}

void CountersPage::forget_image(const Digest& manifest) {
  const uint64_t key = key_of(manifest);
  for (ImageSlot& slot : images) {
    if (slot.key.load() == key) slot.key = 0;
  }
}

}  // namespace thaw
