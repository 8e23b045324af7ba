// An image whose chunks' ids say their place on the device.
#pragma once

#include <cstring>
#include <memory>

#include "lib/image/image_map.h"

namespace thaw {

inline constexpr uint32_t kNumberedChunk = 512 * 1024;

inline std::shared_ptr<const ImageMap> numbered_map(uint32_t chunks) {
  auto map = std::make_shared<ImageMap>();
  map->device_size = uint64_t{chunks} * kNumberedChunk;
  map->chunk_size = kNumberedChunk;
  for (uint32_t i = 0; i < chunks; ++i) {
    ChunkRef ref{{}, kNumberedChunk};
    std::memcpy(ref.id.bytes.data(), &i, sizeof i);
    map->entries.push_back({i, ref});
  }
  return map;
}

inline uint32_t number_of(const ChunkRef& ref) {
  uint32_t number = 0;
  std::memcpy(&number, ref.id.bytes.data(), sizeof number);
  return number;
}

}  // namespace thaw
