// Prefetch: asks for a list of chunks in order, a few at a time, at the lowest priority, so that they lie in
// the tiers when their reader comes. Its results are answers to nobody: they only fill.
//
// start() may be called on any thread; what it began owns itself and runs on the threads that complete its
// fetches, until the list's end, stop(), or until `helps` says no. `source` must outlive it; `helps`,
// `asked` and `fetched` may be called on any thread, one call at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/chunk/chunk_source.h"

namespace thaw {

struct PrefetchPlan {
  std::vector<ChunkRef> chunks;
  Fetch fetch;           // the priority is always kPrefetch
  uint32_t window = 16;  // chunks in flight
  // Asked once a window whether to go on; may be empty.
  std::function<bool()> helps;
  // Told of each chunk that is asked for; may be empty.
  std::function<void()> asked;
  // Told where each chunk came from; may be empty.
  std::function<void(const Fetched&)> fetched;
};

class Prefetch : public std::enable_shared_from_this<Prefetch> {
 public:
  static std::shared_ptr<Prefetch> start(ChunkSource& source, PrefetchPlan plan);

  // Asks for nothing more. Any thread.
  void stop() { stopped_.store(true); }
  // Chunks asked for so far.
  size_t asked() const { return asked_.load(); }

 private:
  Prefetch(ChunkSource& source, PrefetchPlan plan) : source_(source), plan_(std::move(plan)) {}

  void pump() EXCLUDES(mutex_);
  void arrived(const Result<Fetched>& result) EXCLUDES(mutex_);
  bool take_next(size_t& chunk) EXCLUDES(mutex_);

  ChunkSource& source_;
  const PrefetchPlan plan_;
  std::atomic<bool> stopped_{false};
  std::atomic<size_t> asked_{0};

  Mutex mutex_;
  size_t next_ GUARDED_BY(mutex_) = 0;
  uint32_t in_flight_ GUARDED_BY(mutex_) = 0;
  bool pumping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
