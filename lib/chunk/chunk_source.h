// The waist, part one: ChunkSource produces a chunk or an error, exactly once.
#pragma once

#include <cstdint>
#include <stop_token>

#include "lib/base/clock.h"
#include "lib/base/completion.h"
#include "lib/chunk/journey.h"
#include "lib/chunk/sealed_chunk.h"

namespace thaw {

// In the order in which queues serve them.
enum class Priority : uint8_t { kDemand, kReadAhead, kPrefetch };

struct Fetch {
  TimePoint deadline;  // transport trouble is no error before it
  Priority priority = Priority::kDemand;
  uint64_t mount = 0;    // for fairness: who asks
  std::stop_token stop;  // the asker has left; the flight itself goes on
};

struct Fetched {
  SealedChunk chunk;
  Tier tier = Tier::kMemory;  // where it was found
  Journey journey = {};
};

class ChunkSource {
 public:
  virtual ~ChunkSource() = default;

  // Never blocks; `done` may run inside this call (a memory hit) or later on any thread. Errors: kTimedOut
  // after the deadline, kDamaged when only wrong bytes are to be had, kNotFound when no root has the chunk,
  // kCancelled.
  virtual void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) = 0;
};

}  // namespace thaw
