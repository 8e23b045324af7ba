// A small image in memory: its device's plaintext, its map, and its sealed chunks. The same for the same
// seed.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/seal.h"
#include "lib/image/image_map.h"

namespace thaw {

struct SampleImage {
  Bytes device;
  std::shared_ptr<const ImageMap> map;
  std::vector<Bytes> ciphertexts;  // of map->entries[i]

  // Whether device[offset, …) begins with `got`.
  bool holds(uint64_t offset, ByteView got) const {
    return std::equal(got.begin(), got.end(), device.begin() + static_cast<ptrdiff_t>(offset));
  }
};

// Of `chunks` chunks every fourth is zeros, every third stores less than a whole chunk; the last is cut short
// by `tail` bytes at the device's end.
inline SampleImage sample_image(uint32_t chunks, uint32_t chunk_size, uint64_t seed, uint32_t tail = 0) {
  std::mt19937_64 random(seed);
  Secret salt;
  for (uint8_t& byte : salt.mutable_view()) byte = static_cast<uint8_t>(random());
  SampleImage image;
  image.device.resize(uint64_t{chunks} * chunk_size);
  for (uint32_t i = 0; i < chunks; ++i) {
    if (i % 4 == 1) continue;
    const uint32_t filled = i % 3 == 2 ? chunk_size / 2 - 4096 * (i % 2) - 5 : chunk_size;
    for (uint32_t b = 0; b < filled; ++b) {
      image.device[uint64_t{i} * chunk_size + b] = static_cast<uint8_t>(random() | (b == 0 ? 1 : 0));
    }
  }
  std::fill(image.device.end() - tail, image.device.end(), uint8_t{0});

  auto map = std::make_shared<ImageMap>();
  map->device_size = image.device.size() - tail;
  map->chunk_size = chunk_size;
  std::vector<Secret> keys;
  for (uint32_t i = 0; i < chunks; ++i) {
    const ByteView chunk = ByteView(image.device).subspan(uint64_t{i} * chunk_size, chunk_size);
    if (sealed_length(chunk) == 0) continue;
    Sealed sealed = seal(salt, chunk);
    map->entries.push_back({i, {sealed.id, static_cast<uint32_t>(sealed.ciphertext.size())}});
    const ByteView bytes = sealed.ciphertext.view();
    image.ciphertexts.emplace_back(bytes.begin(), bytes.end());
    keys.push_back(sealed.key);
  }
  map->keys = KeyTable::create(keys.size()).value();
  for (size_t i = 0; i < keys.size(); ++i) {
    const ByteView key = keys[i].view();
    std::copy(key.begin(), key.end(), map->keys.bytes().begin() + static_cast<ptrdiff_t>(i * kKeyBytes));
  }
  image.device.resize(map->device_size);
  image.map = std::move(map);
  return image;
}

}  // namespace thaw
