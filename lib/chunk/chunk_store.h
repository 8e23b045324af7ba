// The waist, part two: ChunkStore is a place that may hold a chunk. A miss is no error; a sick store is a
// miss and a counter.
#pragma once

#include <optional>

#include "lib/base/completion.h"
#include "lib/chunk/chunk_source.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  // Never blocks; `done` may run inside this call. nullopt is a miss, whatever its reason.
  virtual void find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) = 0;

  // Detached: never blocks, may be dropped; what was put may be found later.
  virtual void put(const SealedChunk& chunk) = 0;

  // `chunk` was found here and is damaged by now (a bit flipped in memory): it is not to be found again. A
  // sound copy that took its place stays.
  virtual void drop(const SealedChunk& chunk) = 0;
};

}  // namespace thaw
