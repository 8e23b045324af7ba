// KnownChunks: which chunks lie in one root of a store, as far as a builder knows without asking: those of
// the image that a name has there, and those that it stored or found there before, from a file in state_dir.
//
// True as long as only whole roots are deleted and no root's id comes twice (docs/formats/store.md); that
// somebody took chunks out of the store otherwise is what ChunkUpload's samples are for
// (docs/decisions/0017).
//
// Blocking. Any thread may ask once it is filled. Processes may share a file; of two that remember at the
// same moment one may be forgotten.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/manifest/manifest.h"

namespace thaw {

inline constexpr size_t kMaxKnownChunks = size_t{1} << 18;  // of a root: 8 MiB, 128 GiB of chunks
inline constexpr size_t kMaxKnownFiles = 8;                 // of a builder, the last ones written

class KnownChunks {
 public:
  // What `file` has. A file that is missing or damaged has nothing: what is not known is asked for.
  static KnownChunks read(const std::string& file);

  void add(const std::vector<ManifestChunk>& chunks);
  bool contains(const ChunkId& id) const;
  size_t size() const { return ids_.size(); }

  // Adds these to `file`, in place of others when they are too many, and removes the oldest files beside it.
  static Status remember(const std::string& file, const std::vector<ManifestChunk>& chunks,
                         size_t most = kMaxKnownChunks);

 private:
  std::vector<ChunkId> ids_;  // ascending
};

}  // namespace thaw
