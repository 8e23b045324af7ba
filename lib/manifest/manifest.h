// Manifest: the list of an image's chunks, in its two forms (docs/formats/manifest.md):
// - ManifestHeader, readable and checkable by anybody: what garbage collection needs;
// - OpenManifest, with the chunk keys and what was said of the image, readable with the data key only.
// The digest of a manifest is the SHA-256 of its bytes; it never changes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/secret.h"

namespace thaw {

using StoreId = std::array<uint8_t, 16>;
using ManifestId = std::array<uint8_t, 16>;

// A larger one is refused before it is allocated; 16 GiB of chunks take 2.3 MiB.
inline constexpr uint64_t kMaxManifestBytes = 64ULL << 20;

struct ChunkEntry {
  uint32_t index = 0;  // of the chunk on the device
  ChunkRef ref;
};

struct ManifestHeader {
  uint32_t layout_version = 0;
  ManifestId manifest_id{};
  StoreId store_id{};
  std::string tenant;
  uint32_t chunk_size = 0;
  uint64_t device_bytes = 0;
  std::vector<ChunkEntry> chunks;  // ascending by index; a chunk that is absent is zero
};

// What the manifest says of the image, encrypted.
struct ImageInfo {
  std::string source_digest;   // of the OCI manifest that the image was built from
  std::string config;          // JSON: entrypoint, cmd, env, working_dir, user
  uint64_t content_bytes = 0;  // file sizes, hard links once
};

struct OpenManifest {
  ManifestHeader header;
  ImageInfo info;
  KeyTable keys;  // keys.key(i) belongs to header.chunks[i]
};

// REQUIRES: keys.size() == header.chunks.size(). `data_key` must be fresh: it seals this one message.
Bytes encode_manifest(const ManifestHeader& header, const ImageInfo& info, const KeyTable& keys,
                      const Secret& data_key);

// Both: kDamaged for anything that is not exactly a manifest.
Result<ManifestHeader> decode_manifest_header(ByteView bytes);
Result<OpenManifest> open_manifest(ByteView bytes, const Secret& data_key);

// The opened form as bytes, to be kept in sealed memory across a crash of the worker; never in a file, never
// sent.
Bytes save_open_manifest(const OpenManifest& manifest);
Result<OpenManifest> load_open_manifest(ByteView bytes);

}  // namespace thaw
