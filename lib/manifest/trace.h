// Trace: the order in which an image's chunks were first read, sealed for the store (docs/formats/trace.md).
//
// Pure functions. A trace is advice and nothing more: it names places on the image's own device, and whatever
// it says, no byte is read that the manifest does not name.
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

struct Trace {
  std::vector<uint32_t> chunks;  // places on the device, in chunks; in order of their first read
};

// The key that an image's traces are sealed with; the data key itself seals the manifest and nothing else.
Secret trace_key_of(const Secret& data_key);

// REQUIRES: trace.chunks.size() <= kMaxTraceChunks
Bytes seal_trace(const Trace& trace, const Digest& manifest, const Secret& key);

// kDamaged for anything but an intact trace of this manifest.
Result<Trace> open_trace(ByteView bytes, const Digest& manifest, const Secret& key);

}  // namespace thaw
