// Origin: chunks from the object store, verified. The last tier.
//
// Looks into the readable roots, newest first; of a mount, first into the one where its last chunk lay. What
// waits for a request stands in a FairQueue under limits with names and a cap that follows what the store
// takes (RequestCap). Transport trouble is tried again, with backoff, until the fetch's deadline; a wrong
// answer at once and from the next root, until RetryLimits says that the chunk is damaged, which is
// remembered for a while. Retries are paid with RetryTokens; who has none waits and probes. A demand request
// that is slow gets a second one beside it (HedgePolicy): the first good answer wins, the other request is
// given up. A fetch whose deadline is TimePoint::max() waits as long as the store is away (`read.outage:
// "wait"`).
//
// Owned by the daemon's wiring. Any thread may call; no lock is held across a request, a completion or a
// hash. SHA-256 runs on `cpu`. REQUIRES at destruction: reader, cpu and timers have completed, or destroyed,
// all that they were given.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cache/cpu_queue.h"
#include "cache/expedite.h"
#include "cache/fair_queue.h"
#include "cache/hedge_policy.h"
#include "cache/recent_chunks.h"
#include "cache/retry.h"
#include "cache/retry_tokens.h"
#include "cache/slots.h"
#include "lib/base/mutex.h"
#include "lib/base/request_cap.h"
#include "lib/base/timers.h"
#include "lib/chunk/chunk_source.h"
#include "lib/metrics/tier_counters.h"
#include "lib/store/object_store.h"

namespace thaw {

struct OriginLimits {
  // A request holds its slot, and its buffer of one chunk, until its answer was verified.
  uint32_t in_flight = 64;
  uint32_t in_flight_background = 48;  // read-ahead and prefetch together; the rest is kept for demand
  uint32_t in_flight_per_mount = 48;
  // Fetches that are open in any state. Beyond it background fetches are dropped (kCancelled), demand fails.
  uint32_t open_background = 1024;
  uint32_t open_demand = 65536;
  Duration attempt = std::chrono::seconds(10);  // for one request; a store that hangs is asked again
  Duration damage_remembered = std::chrono::seconds(5);
  Duration raise_remembered =
      std::chrono::seconds(5);  // a fetch that does not come by then was served before
  // An outage, and no hiccup: the store answered nothing for as long.
  Duration outage = std::chrono::seconds(1);
  RetryLimits retry;
  RetryTokenLimits tokens;
  HedgeLimits hedge;
};

class Origin final : public ChunkSource, public Expedite {
 public:
  // Where a chunk lies: root id, chunk id → key in the store.
  using KeyOf = std::function<std::string(const std::string& root, const ChunkId& id)>;

  struct Parts {
    ObjectReader& reader;
    CpuQueue& cpu;
    Timers& timers;
    TierCounters& counters;
    KeyOf key_of;
    uint64_t jitter_seed = 0;  // another one in every process, or a fleet comes back in step
  };
  // As in OriginLimits.
  struct InFlight {
    uint32_t all = 0;
    uint32_t background = 0;
    uint32_t per_mount = 0;
  };
  struct State {
    uint32_t cap = 0;  // of requests in flight
    uint32_t in_flight = 0;
    uint64_t requests = 0;  // all that were sent; retries and hedges among them
    uint64_t retries = 0;
    uint64_t hedges = 0;
    uint64_t hedges_won = 0;             // whose answer was the first good one
    std::optional<Duration> slow_after;  // nothing while too little is known
  };

  // `roots`: the readable ones, newest first.
  Origin(Parts parts, std::vector<std::string> roots, OriginLimits limits = {});
  ~Origin() override;

  void get(const ChunkRef& ref, const Fetch& asked, Completion<Fetched> done) override;
  // Also of a fetch that has not come yet.
  void expedite(const ChunkRef& ref, const Fetch& fetch) override;

  // Answers what is open, and whoever asks later, kCancelled; starts no more requests. Those under way end by
  // themselves.
  void shut_down();

  // For requests that start from now on. Called whenever they were read, also when they are the same.
  void set_roots(std::vector<std::string> roots);
  void set_in_flight(const InFlight& limits);

  // Since when no request has been answered, while some were tried; nothing while the store answers, and when
  // nothing has been tried for a while.
  std::optional<TimePoint> away_since() const;
  // For how long that is by now; zero while the store answers.
  Duration away_for() const;
  // Open fetches in any state.
  size_t open() const;
  State state() const;
  // More readers wait than the store serves soon: whoever has a choice should not add to them.
  bool overloaded() const;

 private:
  static constexpr size_t kMaxHomes = 4096;

  struct Job;
  struct Attempt;
  using Jobs = std::unordered_multimap<ChunkRef, std::unique_ptr<Job>, ChunkRefHash>;

  // Queue and slots.
  void enqueue(Job& job) EXCLUDES(mutex_);
  void raise(Job& job, const Fetch& fetch) REQUIRES(mutex_);
  void remember_raise(const ChunkRef& ref, const Fetch& fetch, TimePoint now) REQUIRES(mutex_);
  Fetch as_urgent_as_told(const ChunkRef& ref, const Fetch& asked, TimePoint now) REQUIRES(mutex_);
  void pump() EXCLUDES(mutex_);
  Attempt* next_to_start() REQUIRES(mutex_);
  bool may_start(Priority priority, uint64_t mount) const REQUIRES(mutex_);
  void take_slot(Attempt& attempt) REQUIRES(mutex_);
  void release_slot(Attempt& attempt) REQUIRES(mutex_);
  void erase(const Job& job) REQUIRES(mutex_);

  // The steps of one attempt, each on the thread that finished the step before.
  void start(Attempt& attempt);
  size_t first_turn(uint64_t mount) const REQUIRES(mutex_);
  void note_home(const Job& job) REQUIRES(mutex_);
  void note_start(Attempt& attempt, TimePoint now) REQUIRES(mutex_);
  void send(Attempt& attempt, const std::string& root, TimePoint deadline);
  void answered(Attempt& attempt, Result<Object> answer);
  void note_answer(Attempt& attempt, const Result<Object>& answer);
  void failed(Attempt& attempt, Error error);
  // `bytes`: when it is no chunk.
  void verified(Attempt& attempt, Result<SealedChunk> chunk, ByteView bytes);
  Journey journey_of(const Job& job) const;
  bool wins(Attempt& attempt);
  bool is_last(Attempt& attempt);
  void leave_race(Attempt& attempt) REQUIRES(mutex_);

  // What becomes of a job of which no attempt runs; `attempt` is the one that ended last.
  void missing(Attempt& attempt);
  void wrong(Attempt& attempt, const Digest& digest, Error error);
  void cut_short(Attempt& attempt, const Digest& digest, Error error);
  void damaged(Job& job, Error error);
  bool may_lie_elsewhere(const Job& job, TimePoint now) const EXCLUDES(mutex_);
  bool pay_retry(const Job& job, Duration waited) REQUIRES(mutex_);
  void retry_later(Job& job, Error error);
  void pause(Job& job, Duration asked);
  void wake(Job& job);
  void finish(Job& job, Result<Fetched> result);
  static Error expired(const Job& job);

  // The `sent`th request of a job.
  struct RequestName {
    ChunkRef ref;
    uint64_t job = 0;
    uint32_t sent = 0;
  };
  void hedge_at(TimePoint when, const RequestName& slow);
  void hedge(const RequestName& slow);
  Job* find_slow(const RequestName& slow) REQUIRES(mutex_);

  const Parts parts_;
  const OriginLimits limits_;

  mutable Mutex mutex_;
  std::vector<std::string> roots_ GUARDED_BY(mutex_);
  TimePoint roots_read_ GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, std::string> homes_ GUARDED_BY(mutex_);  // mount → the root of its last chunk
  Jobs jobs_ GUARDED_BY(mutex_);  // all that are open, and husks (origin_job.h)
  FairQueue<Job*> queue_ GUARDED_BY(mutex_);
  Slots slots_ GUARDED_BY(mutex_);
  InFlight in_flight_ GUARDED_BY(mutex_);
  std::array<uint32_t, kPriorityCount> open_ GUARDED_BY(mutex_) = {};
  bool pumping_ GUARDED_BY(mutex_) = false;
  // The page cache asks for a failed page twice, and a reader may loop.
  RecentChunks<Error> damage_ GUARDED_BY(mutex_);
  // Fetches that became more urgent before they came here: a reader joined a prefetch while its look-up in
  // flash or in the zone ran.
  RecentChunks<Fetch> early_ GUARDED_BY(mutex_);
  uint64_t seed_ GUARDED_BY(mutex_);  // of the next job's jitter
  bool closed_ GUARDED_BY(mutex_) = false;
  std::optional<TimePoint> away_since_ GUARDED_BY(mutex_);
  TimePoint failed_at_ GUARDED_BY(mutex_);  // the last request, since then
  RequestCap cap_ GUARDED_BY(mutex_);
  RetryTokens tokens_ GUARDED_BY(mutex_);
  HedgePolicy hedging_ GUARDED_BY(mutex_);
  State counted_ GUARDED_BY(mutex_);  // the counters of state()
};

}  // namespace thaw
