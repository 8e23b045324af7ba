// Manifest: the immutable list of an image's chunks, stored under the SHA-256 of its bytes
// (docs/formats/manifest.md).
//
// Its clear part can be read without any key (garbage collection, mirrors); keys and the image's
// configuration are sealed with AES-256-GCM under a data key that seals this one message and never another.
// All functions are pure and may be called from any thread. Bytes read are not trusted: every cut or altered
// byte is kDamaged, and sizes are checked before anything is allocated.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/crypto/secret.h"
#include "lib/manifest/identifier.h"

namespace thaw {

inline constexpr uint32_t kDefaultChunkSize = 512 * 1024;
inline constexpr uint32_t kMinChunkSize = 4096;
inline constexpr uint32_t kMaxChunkSize = 4 * 1024 * 1024;
inline constexpr uint64_t kMaxDeviceBytes = uint64_t{1} << 40;
inline constexpr uint32_t kMaxChunks = 1024 * 1024;  // 512 GiB of data in chunks of the default size
inline constexpr uint64_t kMaxManifestBytes = 96 * 1024 * 1024;
inline constexpr size_t kMaxConfigBytes = 1024 * 1024;
inline constexpr size_t kMaxReferenceBytes = 4096;

struct ManifestChunk {
  uint32_t index = 0;          // the chunk's place on the device, in chunks
  uint32_t stored_length = 0;  // bytes of ciphertext: > 0, a multiple of kSealUnit, at most the chunk size
  ChunkId id;

  ChunkRef ref() const { return {id, stored_length}; }
};

// The chunk of that place; nullptr when it is zeros. REQUIRES: `chunks` ascend by index
const ManifestChunk* chunk_at(const std::vector<ManifestChunk>& chunks, uint32_t place);

// The clear, authenticated part.
struct Manifest {
  Identifier id;  // random; binds the data key's wrapping to this manifest
  Identifier store_id;
  std::string tenant;
  uint32_t chunk_size = kDefaultChunkSize;  // bytes, a power of two
  uint64_t device_bytes = 0;                // a multiple of kSealUnit
  uint32_t layout_version = 0;              // lib/ext4's placement policy
  std::vector<ManifestChunk> chunks;        // ascending by index; what is absent is zeros

  uint64_t device_chunks() const { return (device_bytes + chunk_size - 1) / chunk_size; }
};

// The encrypted part without the chunk keys.
struct ImageDetails {
  Digest source;               // of the source image's own manifest
  std::string reference;       // where the source image came from, for people
  std::string config;          // the image's runtime configuration: opaque JSON
  uint64_t content_bytes = 0;  // file sizes, hard links once
  uint64_t files = 0;          // reachable inodes
};

// A manifest with its keys: key(i) belongs to clear.chunks[i].
struct OpenManifest {
  Digest digest;
  Manifest clear;
  ImageDetails details;
  KeyTable keys;
  Secret trace_key;  // of trace_key_of(); all zeros when it was read from memory and not from the store
};

// The manifest's bytes. `data_key` must be fresh: it seals this message and no other.
// Errors: kFailed when a field is outside the limits above.
Result<Bytes> seal_manifest(const Manifest& clear, const ImageDetails& details, const KeyTable& keys,
                            const Secret& data_key);

// The clear part of `bytes`, which must be what `digest` names. Says nothing of who wrote them.
Result<Manifest> parse_manifest(ByteView bytes, const Digest& digest);

// All of it. kDamaged also when `data_key` is not the key that sealed it.
Result<OpenManifest> open_manifest(ByteView bytes, const Digest& digest, const Secret& data_key);

}  // namespace thaw
