// CollectionCounters: what a worker saw of garbage collection. Any thread of any process.
#pragma once

#include <atomic>
#include <cstdint>

namespace thaw {

struct CollectionCounters {
  std::atomic<uint64_t> alarms;        // raised: an expired root was used
  std::atomic<uint64_t> hits_checked;  // chunks that a cache had, and the store was asked for
  std::atomic<uint64_t> hits_missing;  // of those, in no root any more
};

}  // namespace thaw
