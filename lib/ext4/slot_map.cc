#include "lib/ext4/slot_map.h"

#include <algorithm>

namespace thaw {

std::optional<uint64_t> SlotMap::take(uint64_t hash, uint64_t count) {
  const uint64_t slots = taken_.size();
  if (count == 0 || count > slots) return std::nullopt;
  const uint64_t wanted = hash % slots;
  auto first = find(wanted, slots, count);
  if (!first) first = find(0, std::min(slots, wanted + count), count);
  if (first) take_at(*first, count);
  return first;
}

void SlotMap::take_at(uint64_t first, uint64_t count) {
  std::fill_n(taken_.begin() + static_cast<std::ptrdiff_t>(first), count, uint8_t{1});
}

std::optional<uint64_t> SlotMap::find(uint64_t from, uint64_t to, uint64_t count) const {
  uint64_t run = 0;
  for (uint64_t slot = from; slot < to; ++slot) {
    run = taken_[slot] ? 0 : run + 1;
    if (run == count) return slot + 1 - count;
  }
  return std::nullopt;
}

}  // namespace thaw
