// An open manifest as one run of bytes in memory, so that a worker that starts again after a crash needs no
// key service.
//
// The bytes hold unwrapped keys: they belong in a sealed memfd and never in a file. Layout: "THAWOPEN",
// u32 1, u64 total size, digest (32), the clear part and the details as in docs/formats/manifest.md, the
// chunk keys, SHA-256 of all before. Both functions are pure and may be called from any thread.
#pragma once

#include "lib/manifest/manifest.h"

namespace thaw {

size_t manifest_memory_size(const OpenManifest& open);

// Fills `out` (a mapping of the memfd). REQUIRES: out.size() == manifest_memory_size(open)
void write_manifest_memory(const OpenManifest& open, MutableBytes out);

// kDamaged when the bytes are not what write_manifest_memory wrote; bytes behind the form (a mapping's last
// page) are ignored.
Result<OpenManifest> read_manifest_memory(ByteView bytes);

}  // namespace thaw
