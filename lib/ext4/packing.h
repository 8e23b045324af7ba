// Packing: groups small things, in path order, into packs whose ends are chosen by the things themselves, so
// that one that changes, comes or goes changes its own pack and not all that follow.
#pragma once

#include <cstdint>
#include <vector>

namespace thaw {

struct PackItem {
  uint32_t id = 0;        // the caller's name for it
  uint64_t units = 0;     // what it takes of a pack; more than the capacity makes a pack of its own
  uint64_t cut_hash = 0;  // stable across images; decides whether a pack ends behind it
  uint64_t place_hash = 0;
};

struct PackRule {
  uint64_t capacity = 0;    // units that a pack holds at most
  uint64_t mean_units = 0;  // a pack ends, on average, after so many
};

struct Pack {
  uint64_t place_hash = 0;  // of its first item
  uint64_t units = 0;
  std::vector<PackItem> items;
};

std::vector<Pack> pack(const std::vector<PackItem>& items, const PackRule& rule);

}  // namespace thaw
