// ComparesNothing: a store that refuses each put that hangs on a version, as Ceph 16 does in a bucket with
// versions.
#pragma once

#include "test/fakes/memory_object_store.h"

namespace thaw {

class ComparesNothing final : public MemoryObjectStore {
 public:
  void put(const std::string& key, ByteView bytes, const PutOptions& options,
           Completion<PutOutcome> done) override {
    if (options.condition == PutIf::kUnchanged) return done(PutOutcome::kKept);
    MemoryObjectStore::put(key, bytes, options, std::move(done));
  }
};

}  // namespace thaw
