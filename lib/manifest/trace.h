// Trace: the order in which an image's chunks were first read. PathOrder: the order of the paths that lie in
// them. Both sealed for the store (docs/formats/trace.md).
//
// Pure functions. Both are advice and nothing more: they name places on the image's own device, and whatever
// they say, no byte is read that the manifest does not name.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/crypto/secret.h"

namespace thaw {

inline constexpr uint32_t kMaxTraceChunks = 64 * 1024;
inline constexpr uint64_t kMaxTraceBytes = 64 + uint64_t{kMaxTraceChunks} * 4;

inline constexpr uint32_t kMaxPathOrderChunks = 1024 * 1024;
inline constexpr uint64_t kMaxPathOrderBytes = 64 + uint64_t{kMaxPathOrderChunks} * 4;

struct Trace {
  std::vector<uint32_t> chunks;  // places on the device, in chunks; in order of their first read
};

struct PathOrder {
  std::vector<uint32_t> chunks;  // the same; in the order of the paths
};

// The key that an image's traces are sealed with, and from which the key of its path order is made; the data
// key itself seals the manifest and nothing else.
Secret trace_key_of(const Secret& data_key);

// REQUIRES: trace.chunks.size() <= kMaxTraceChunks
Bytes seal_trace(const Trace& trace, const Digest& manifest, const Secret& key);

// kDamaged for anything but an intact trace of this manifest.
Result<Trace> open_trace(ByteView bytes, const Digest& manifest, const Secret& key);

// As above, with the same key. What is over kMaxPathOrderChunks is left out.
Bytes seal_path_order(const PathOrder& order, const Digest& manifest, const Secret& key);
Result<PathOrder> open_path_order(ByteView bytes, const Digest& manifest, const Secret& key);

}  // namespace thaw
