#include "lib/image/image_map.h"

#include <algorithm>
#include <string>

namespace thaw {

size_t ImageMap::first_at_or_after(uint64_t index) const {
  const auto found =
      std::lower_bound(entries.begin(), entries.end(), index,
                       [](const Entry& entry, uint64_t wanted) { return entry.index < wanted; });
  return static_cast<size_t>(found - entries.begin());
}

Status check(const ImageMap& map) {
  if (map.chunk_size == 0) return Error{Code::kDamaged, "image map: the chunk size is 0"};
  if (map.keys.size() != map.entries.size()) {
    return Error{Code::kDamaged, "image map: " + std::to_string(map.keys.size()) + " keys for " +
                                     std::to_string(map.entries.size()) + " chunks"};
  }
  for (size_t i = 0; i < map.entries.size(); ++i) {
    const ImageMap::Entry& entry = map.entries[i];
    const std::string name = "image map: chunk " + std::to_string(entry.index);
    if (i > 0 && entry.index <= map.entries[i - 1].index)
      return Error{Code::kDamaged, name + " is out of order"};
    if (uint64_t{entry.index} * map.chunk_size >= map.device_size) {
      return Error{Code::kDamaged, name + " lies beyond the end of the device"};
    }
    if (entry.ref.stored_length == 0 || entry.ref.stored_length > map.chunk_size) {
      return Error{Code::kDamaged,
                   name + " has a stored length of " + std::to_string(entry.ref.stored_length)};
    }
  }
  return {};
}

}  // namespace thaw
