// copy_chunk: makes sure that a root holds a chunk with the right bytes, from wherever it can be had.
//
// Never blocks beyond what the store's calls do; `done` runs on a thread of the store.
#pragma once

#include <functional>
#include <vector>

#include "lib/base/completion.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/store/object_store.h"
#include "lib/store/paths.h"

namespace thaw {

enum class ChunkCopied : uint8_t {
  kWasRight,  // what the target holds already was read, and is right
  kWritten,
};

// No sound copy there; any other error is the store's trouble.
inline bool is_lost(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kDamaged;
}

// A last resort: a cache, say. May be empty.
using FindElsewhere = std::function<void(const ChunkRef& ref, Completion<SealedChunk> done)>;

struct ChunkPlaces {
  RootId target;
  std::vector<RootId> sources;  // asked in their order
};

// kDamaged: it is missing or damaged everywhere. Not durable before the target's chunks are synced. `store`,
// `places` and `elsewhere` must live until `done` has run.
void copy_chunk(ObjectStore& store, const ChunkPlaces& places, const FindElsewhere& elsewhere,
                const ChunkRef& ref, Completion<ChunkCopied> done);

}  // namespace thaw
