#include "cache/origin.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "cache/origin_job.h"

namespace thaw {
namespace {

// So many times what may be in flight.
constexpr uint32_t kOverloadTurns = 8;
constexpr uint32_t kOverloadFloor = 16;

// A store that nobody waits for counts as away for so long after the last request that failed.
constexpr std::chrono::seconds kAwayWithoutReaders{30};

Error dropped() {
  return {Code::kCancelled, "too many chunks wait for the store; what is only read ahead was dropped"};
}

}  // namespace

Origin::Origin(Parts parts, std::vector<std::string> roots, OriginLimits limits)
    : parts_(std::move(parts)),
      limits_(limits),
      roots_(std::move(roots)),
      in_flight_{limits.in_flight, limits.in_flight_background, limits.in_flight_per_mount},
      damage_(limits.damage_remembered),
      early_(limits.raise_remembered),
      seed_(parts_.jitter_seed),
      cap_(limits.in_flight),
      tokens_(limits.tokens),
      hedging_(limits.hedge) {}

Origin::~Origin() = default;

void Origin::shut_down() {
  std::vector<Completion<Fetched>> open;
  {
    MutexLock lock(mutex_);
    closed_ = true;
    for (auto& [ref, job] : jobs_) {
      if (job->done) open.push_back(std::move(job->done));
    }
  }
  for (Completion<Fetched>& done : open) done(shutting_down());
  pump();  // what is queued ends now, instead of when a slot is free
}

void Origin::get(const ChunkRef& ref, const Fetch& asked, Completion<Fetched> done) {
  std::optional<Error> refusal;
  Job* job = nullptr;
  const TimePoint now = parts_.timers.now();
  {
    MutexLock lock(mutex_);
    const Fetch fetch = as_urgent_as_told(ref, asked, now);
    const bool demand = fetch.priority == Priority::kDemand;
    const uint32_t demands = open_.at(index_of(Priority::kDemand));
    const uint32_t background = std::accumulate(open_.begin(), open_.end(), 0U) - demands;
    if (closed_) {
      refusal = shutting_down();
    } else if (const Error* damage = damage_.find(ref, now)) {
      refusal = *damage;
    } else if (!demand && background >= limits_.open_background) {
      refusal = dropped();
    } else if (demand && demands >= limits_.open_demand) {
      refusal = Error{Code::kFailed, "chunk " + ref.id.hex() + ": " + std::to_string(demands) +
                                         " fetches wait for the store already, which is the limit"};
    } else {
      auto owned = std::make_unique<Job>(ref, fetch, limits_.retry, ++seed_, std::move(done));
      job = owned.get();
      job->asked = now;
      jobs_.emplace(ref, std::move(owned));
      ++open_.at(index_of(fetch.priority));
    }
  }
  if (refusal) {
    done(*std::move(refusal));  // NOLINT(bugprone-use-after-move): moved only when nothing was refused
    return;
  }
  enqueue(*job);
}

void Origin::expedite(const ChunkRef& ref, const Fetch& fetch) {
  const TimePoint now = parts_.timers.now();
  std::vector<std::pair<TimePoint, RequestName>> slow;  // now that a reader waits for them
  {
    MutexLock lock(mutex_);
    const std::optional<Duration> slow_after = hedging_.slow_after();
    const auto [begin, end] = jobs_.equal_range(ref);
    if (begin == end) remember_raise(ref, fetch, now);
    for (auto it = begin; it != end; ++it) {
      Job& job = *it->second;
      if (job.finished) continue;
      job.fetch.deadline = std::max(job.fetch.deadline, fetch.deadline);
      if (fetch.priority >= job.fetch.priority) continue;
      raise(job, fetch);
      const Attempt* waits_for = job.waits_for();
      if (!slow_after || waits_for == nullptr || fetch.priority != Priority::kDemand) continue;
      slow.emplace_back(std::max(now, waits_for->started + *slow_after),
                        RequestName{ref, job.number, job.sent});
    }
  }
  for (const auto& [when, request] : slow) hedge_at(when, request);
  pump();
}

void Origin::raise(Job& job, const Fetch& fetch) {
  if (job.queued) queue_.remove(job.fetch.priority, job.fetch.mount, &job);
  --open_.at(index_of(job.fetch.priority));
  ++open_.at(index_of(fetch.priority));
  job.fetch.priority = fetch.priority;
  job.fetch.mount = fetch.mount;
  if (job.queued) queue_.push(fetch.priority, fetch.mount, &job);
}

void Origin::remember_raise(const ChunkRef& ref, const Fetch& fetch, TimePoint now) {
  if (Fetch* told = early_.find(ref, now)) {
    *told = joined(*told, fetch);
  } else {
    early_.remember(ref, fetch, now);
  }
}

Fetch Origin::as_urgent_as_told(const ChunkRef& ref, const Fetch& asked, TimePoint now) {
  const Fetch* told = early_.find(ref, now);
  if (told == nullptr) return asked;
  Fetch fetch = joined(asked, *told);
  fetch.stop = asked.stop;
  return fetch;
}

void Origin::enqueue(Job& job) {
  const TimePoint now = parts_.timers.now();
  {
    MutexLock lock(mutex_);
    job.queued = true;
    job.waits_since = now;
    queue_.push(job.fetch.priority, job.fetch.mount, &job);
  }
  pump();
}

// One thread at a time starts requests, in a loop: a store that answers inside the call would recurse
// otherwise.
void Origin::pump() {
  {
    MutexLock lock(mutex_);
    if (pumping_) return;
    pumping_ = true;
  }
  while (true) {
    Attempt* attempt = nullptr;
    {
      MutexLock lock(mutex_);
      attempt = next_to_start();
      if (attempt == nullptr) {
        pumping_ = false;
        return;
      }
    }
    start(*attempt);
  }
}

Origin::Attempt* Origin::next_to_start() {
  const auto started = queue_.pop([this](Priority priority, uint64_t mount)
                                      NO_THREAD_SAFETY_ANALYSIS { return may_start(priority, mount); });
  if (!started) return nullptr;
  Job& job = **started;
  job.queued = false;
  take_slot(job.attempts[0]);
  return job.attempts.data();
}

bool Origin::may_start(Priority priority, uint64_t mount) const {
  return slots_.may_take(
      priority, mount,
      {cap_.now(), cap_.share_of(in_flight_.background), cap_.share_of(in_flight_.per_mount)});
}

void Origin::take_slot(Attempt& attempt) {
  attempt.has_slot = true;
  attempt.slot = attempt.job->fetch;
  slots_.take(attempt.slot.priority, attempt.slot.mount);
}

void Origin::release_slot(Attempt& attempt) {
  if (!attempt.has_slot) return;
  attempt.has_slot = false;
  slots_.release(attempt.slot.priority, attempt.slot.mount);
}

void Origin::erase(const Job& job) {
  const auto [begin, end] = jobs_.equal_range(job.ref);
  jobs_.erase(std::find_if(begin, end, [&job](const auto& entry) { return entry.second.get() == &job; }));
}

void Origin::set_roots(std::vector<std::string> roots) {
  MutexLock lock(mutex_);
  roots_ = std::move(roots);
  roots_read_ = parts_.timers.now();
}

void Origin::set_in_flight(const InFlight& limits) {
  {
    MutexLock lock(mutex_);
    in_flight_ = limits;
    cap_.set_most(limits.all);
  }
  pump();  // there may be more room
}

std::optional<TimePoint> Origin::away_since() const {
  MutexLock lock(mutex_);
  const bool tried = !jobs_.empty() || parts_.timers.now() - failed_at_ < kAwayWithoutReaders;
  return tried ? away_since_ : std::nullopt;
}

Duration Origin::away_for() const {
  const auto since = away_since();
  return since ? parts_.timers.now() - *since : Duration::zero();
}

size_t Origin::open() const {
  MutexLock lock(mutex_);
  return std::accumulate(open_.begin(), open_.end(), size_t{0});
}

Origin::State Origin::state() const {
  MutexLock lock(mutex_);
  State state = counted_;
  state.cap = cap_.now();
  state.in_flight = slots_.taken();
  state.slow_after = hedging_.slow_after();
  return state;
}

bool Origin::overloaded() const {
  MutexLock lock(mutex_);
  const uint32_t demand = open_.at(index_of(Priority::kDemand));
  return demand > kOverloadTurns * std::max(cap_.now(), kOverloadFloor);
}

}  // namespace thaw
