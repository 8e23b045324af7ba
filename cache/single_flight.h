// SingleFlight: N readers of one chunk, one fetch. Stands once, directly under the memory tier.
//
// A waiter that leaves (its stop token) or whose deadline passes is answered at once and never ends the
// flight. A waiter that is more urgent than the flight raises it (Expedite). When the flight fails only
// because it was started with an earlier deadline or a lower priority than a waiter has, it is started again
// for that waiter.
//
// `above` is the store over it: looked into once more before a flight starts and filled before a flight ends,
// so that no reader who missed in it a moment ago fetches a second time.
//
// Owned by the daemon's wiring. Any thread may call. Waiters are taken out under the lock and completed
// outside it. REQUIRES at destruction: no call under way, timers and lower sources no longer complete.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <unordered_map>
#include <vector>

#include "cache/expedite.h"
#include "lib/base/mutex.h"
#include "lib/base/timers.h"
#include "lib/chunk/chunk_source.h"
#include "lib/chunk/chunk_store.h"

namespace thaw {

class SingleFlight final : public ChunkSource {
 public:
  static constexpr size_t kMaxFlights = 65536;
  static constexpr size_t kMaxWaiters = 65536;  // of one flight

  SingleFlight(ChunkStore& above, ChunkSource& next, Expedite& lower, Timers& timers);
  ~SingleFlight() override;

  void get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) override;

  size_t flights() const;

 private:
  struct Waiter;
  struct Flight;
  using Waiters = std::vector<std::unique_ptr<Waiter>>;
  struct Landing {
    Completion<Fetched> done;
    bool joined = false;  // the flight was under way when it asked
  };
  using Landings = std::vector<Landing>;
  enum class Step : uint8_t { kNothing, kLaunch, kExpedite, kReject };

  Step join(const ChunkRef& ref, std::unique_ptr<Waiter>& waiter) REQUIRES(mutex_);
  void launch(const ChunkRef& ref, const Fetch& fetch);
  void looked_up(const ChunkRef& ref, const Fetch& fetch, Result<std::optional<SealedChunk>> found);
  void landed(const ChunkRef& ref, Result<Fetched> result);
  void leave(Waiter& waiter);

  // Deadlines: one timer for the earliest of all, instead of one a waiter.
  void watch(TimePoint deadline);
  void sweep();
  TimePoint take_expired(TimePoint now, Landings& expired, Waiters& husks) REQUIRES(mutex_);

  ChunkStore& above_;
  ChunkSource& next_;
  Expedite& lower_;
  Timers& timers_;

  mutable Mutex mutex_;
  std::unordered_map<ChunkRef, std::unique_ptr<Flight>, ChunkRefHash> flights_ GUARDED_BY(mutex_);
  TimePoint watched_ GUARDED_BY(mutex_) = TimePoint::max();
};

}  // namespace thaw
