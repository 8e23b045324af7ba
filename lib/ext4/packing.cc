#include "lib/ext4/packing.h"

#include <limits>

namespace thaw {
namespace {

// True with a probability of units / mean_units, so that packs have the same mean whatever the items' sizes.
bool cuts_behind(const PackItem& item, const PackRule& rule) {
  if (item.units >= rule.mean_units) return true;
  return item.cut_hash < std::numeric_limits<uint64_t>::max() / rule.mean_units * item.units;
}

}  // namespace

std::vector<Pack> pack(const std::vector<PackItem>& items, const PackRule& rule) {
  std::vector<Pack> packs;
  bool open = false;
  for (const PackItem& item : items) {
    if (!open || packs.back().units + item.units > rule.capacity) {
      packs.push_back({.place_hash = item.place_hash, .units = 0, .items = {}});
    }
    packs.back().units += item.units;
    packs.back().items.push_back(item);
    open = !cuts_behind(item, rule);
  }
  return packs;
}

}  // namespace thaw
