// ReadAhead: notices that an image is read in order, and asks for the chunks that come next, so that they lie
// in the tiers when the reader arrives. Its results are answers to nobody: they only fill.
//
// ReadAheadBudget: how far one reader may be ahead of itself, and the bytes that all images together may read
// ahead at one time; both may change at any time. Owned by the daemon, outlives every ReadAhead; any thread.
//
// How far ahead it is grows as long as the reader still has to wait, up to the budget's chunks: a store that
// is near needs a few, one at the other end of the world as many as its line takes.
//
// ReadAhead is owned by its ImageReader. Any thread may call observe(); no lock is held across a fetch.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/chunk/chunk_source.h"
#include "lib/image/image_map.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

class ReadAheadBudget {
 public:
  struct Limits {
    uint64_t bytes = 0;    // of all images together
    uint32_t chunks = 64;  // of one reader; 0: nothing is read ahead
  };

  explicit ReadAheadBudget(const Limits& limits) : limit_(limits.bytes), chunks_(limits.chunks) {}

  // For what is asked for from now on.
  void set_limits(const Limits& limits) {
    limit_.store(limits.bytes, std::memory_order_relaxed);
    chunks_.store(limits.chunks, std::memory_order_relaxed);
  }
  uint32_t chunks() const { return chunks_.load(std::memory_order_relaxed); }

  bool take(uint64_t bytes);
  void give_back(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> limit_;
  std::atomic<uint32_t> chunks_;
  std::atomic<uint64_t> used_ = 0;
};

enum class Served : uint8_t {
  kAtOnce,  // all of a read was in memory
  kWaited,
};

// What fetches ahead of readers work with. All outlive what it starts.
struct AheadParts {
  ChunkSource& source;
  ReadAheadBudget& budget;
  ImageCounters& counters;
};

// Asks for a chunk that nobody waits for, and counts it unless memory had it. False when the budget is used
// up.
bool fetch_ahead(const AheadParts& parts, const ChunkRef& ref, const Fetch& fetch,
                 UniqueFunction<void(const Result<Fetched>&)> arrived);

class ReadAhead {
 public:
  static constexpr size_t kStreams = 8;                  // readers of one image that are told apart
  static constexpr uint64_t kTriggerBytes = 256 * 1024;  // read in order before anything is read ahead

  ReadAhead(std::shared_ptr<const ImageMap> map, const AheadParts& parts)
      : map_(std::move(map)), parts_(parts) {}

  struct Read {
    uint64_t offset = 0;
    uint32_t length = 0;
    Served served = Served::kAtOnce;
  };

  // A reader asked for this. Reads of one reader may come slightly out of order, as the kernel spreads them
  // over threads.
  void observe(const Read& read, const Fetch& fetch);

 private:
  struct Stream {
    uint64_t next = 0;         // the end of what was read, bytes
    uint64_t in_order = 0;     // bytes read in order so far
    uint64_t asked_until = 0;  // chunks before it were asked for
    uint64_t chunk = 0;        // the reader is in it
    bool waited = false;       // the reader had to, since it is in that chunk
    uint32_t window = 0;       // chunks to be ahead; doubles with every chunk that the reader waited for
    uint64_t used = 0;         // when it was last used, to find the oldest
  };
  // Chunks [begin, end) of the device, for a stream.
  struct Ahead {
    Stream* stream = nullptr;
    uint64_t begin = 0;
    uint64_t end = 0;
  };

  Ahead advance(const Read& read) REQUIRES(mutex_);
  Stream* stream_at(const Read& read) REQUIRES(mutex_);
  void start_stream(const Read& read) REQUIRES(mutex_);
  // Which chunk is the first that the budget left out; ahead.end when it left out none.
  uint64_t ask(const Ahead& ahead, const Fetch& fetch) EXCLUDES(mutex_);

  const std::shared_ptr<const ImageMap> map_;
  const AheadParts parts_;

  Mutex mutex_;
  std::array<Stream, kStreams> streams_ GUARDED_BY(mutex_);
  uint64_t clock_ GUARDED_BY(mutex_) = 0;  // counts reads
};

}  // namespace thaw
