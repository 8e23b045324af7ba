// CopyForward: copies images from one root into another byte for byte, without any key, so that the first one
// may go.
//
// One copy is one object, used by one thread. May be broken off anywhere and begun again: an image counts as
// copied when its manifest is there, which is put last.
#pragma once

#include <atomic>
#include <unordered_set>

#include "lib/build/in_flight.h"
#include "lib/build/progress.h"
#include "lib/collect/chunk_copy.h"
#include "lib/collect/collect_room.h"
#include "lib/manifest/manifest.h"

namespace thaw {

struct CopyCounts {
  uint64_t images = 0;
  uint64_t chunks = 0;  // that were written
  uint64_t bytes = 0;   // of them

  CopyCounts& operator+=(const CopyCounts& more) {
    images += more.images;
    chunks += more.chunks;
    bytes += more.bytes;
    return *this;
  }
};

// Whether what was read is an envelope; else the error of the reading.
Status check_stored_envelope(const Result<Buffer>& envelope);

class CopyForward {
 public:
  // From any of `sources`, in their order, into `target`.
  CopyForward(CollectRoom& room, std::vector<RootId> sources, RootId target, ProgressFn progress)
      : room_(room), places_{std::move(target), std::move(sources)}, progress_(std::move(progress)) {}

  // kDamaged when the manifest, its envelope or a chunk is damaged or missing wherever it could be.
  Status copy(const Digest& manifest);

  // Of an image that the target has already: reads all of it there, and writes again from the sources what is
  // missing or damaged. kDamaged as above.
  Status mend(const Digest& manifest);
  // The same of its manifest and envelope alone.
  Status mend_documents(const Digest& manifest);

  CopyCounts counts() const { return {images_, written_, written_bytes_}; }

 private:
  struct SoundManifest {
    RootId root;  // where it was found
    Buffer bytes;
    Manifest parsed;
  };
  Result<SoundManifest> find_manifest(const std::vector<RootId>& roots, const Digest& manifest);
  Result<SoundManifest> find_anywhere(const Digest& manifest);
  Status copy_chunks(const Manifest& manifest);
  void start(const ManifestChunk& chunk, Completion<void> done);
  Status copy_envelope(const RootId& source, const Digest& manifest);
  Status mend_documents(const SoundManifest& found, const Digest& manifest);
  Status mend_envelope(const Digest& manifest);
  Status copy_if_there(const std::string& from, const std::string& to, uint64_t max_bytes);

  CollectRoom& room_;
  const ChunkPlaces places_;
  const FindElsewhere nowhere_;
  const ProgressFn progress_;
  // Whose bytes in the target were seen to be right.
  std::unordered_set<ChunkId, ChunkIdHash> right_;
  uint64_t images_ = 0;
  std::atomic<uint64_t> written_{0};
  std::atomic<uint64_t> written_bytes_{0};
};

}  // namespace thaw
