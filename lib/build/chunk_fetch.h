// fetch_chunk: a chunk straight from the store, without any tier: what verification and export read with.
//
// Never blocks beyond what the store's calls do; `done` runs on a thread of the store, and so does the hash.
#pragma once

#include <vector>

#include "lib/base/completion.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/store/object_store.h"
#include "lib/store/paths.h"

namespace thaw {

// Asks the roots in their order until one has the right bytes. kDamaged: one holds wrong bytes and no other
// has the chunk; kNotFound: none has it; else the store's error. `store` must live until `done` has run.
void fetch_chunk(ObjectReader& store, std::vector<RootId> roots, const ChunkRef& ref,
                 Completion<SealedChunk> done);

}  // namespace thaw
