// A small manifest with its keys, and a keyring to seal it with.
#pragma once

#include <catch2/catch.hpp>

#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/keys/keyring_directory.h"
#include "lib/manifest/envelope.h"
#include "lib/manifest/manifest.h"
#include "test/temporary_folder.h"

namespace thaw {

inline Manifest sample_manifest(uint32_t chunks) {
  Manifest clear;
  clear.id = Identifier::random();
  clear.store_id = Identifier::random();
  clear.tenant = "acme";
  clear.device_bytes = uint64_t{chunks + 1} * 2 * kDefaultChunkSize;
  clear.layout_version = 3;
  for (uint32_t i = 0; i < chunks; ++i) {
    const std::string text = "chunk " + std::to_string(i);
    clear.chunks.push_back({2 * i + 1, 4096 * (i % 128 + 1), sha256(as_bytes(text))});
  }
  return clear;
}

inline ImageDetails sample_details() {
  return {sha256(as_bytes("image")), "oci:image:latest", R"({"Cmd":["sh"]})", 123456789, 17};
}

inline KeyTable sample_keys(size_t count) {
  auto keys = KeyTable::create(count);
  REQUIRE(keys.ok());
  fill_random(keys.value().bytes());
  return std::move(keys).value();
}

inline bool same_bytes(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

}  // namespace thaw
