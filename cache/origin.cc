#include "cache/origin.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "lib/crypto/hash.h"

namespace thaw {
namespace {

size_t index_of(Priority priority) { return static_cast<size_t>(priority); }

Error shutting_down() { return {Code::kCancelled, "the daemon is shutting down"}; }

Error dropped() {
  return {Code::kCancelled, "too many chunks wait for the store; what is only read ahead was dropped"};
}

}  // namespace

struct Origin::Job {
  Job(const ChunkRef& what, const Fetch& why, const RetryLimits& limits, uint64_t seed,
      Completion<Fetched> when_done)
      : ref(what), fetch(why), backoff(limits, seed), done(std::move(when_done)) {}

  const ChunkRef ref;
  Fetch fetch;            // guarded by mutex_: expedite() may raise it at any time
  bool queued = false;    // guarded by mutex_
  Fetch slot;             // guarded by mutex_: what it counted as when it took its slot
  bool has_slot = false;  // guarded by mutex_

  size_t turn = 0;              // which root is asked
  size_t roots = 0;             // how many there were
  uint32_t missing_in_row = 0;  // roots that lack it, without another answer between
  uint32_t missing_rounds = 0;
  WrongAnswers wrong;
  RetryBackoff backoff;
  Error last_error;
  Completion<Fetched> done;  // guarded by mutex_; empty once answered
};

Origin::Origin(Parts parts, std::vector<std::string> roots, OriginLimits limits)
    : parts_(std::move(parts)),
      limits_(limits),
      roots_(std::move(roots)),
      damage_(limits.damage_remembered),
      seed_(parts_.jitter_seed) {}

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

void Origin::get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) {
  std::optional<Error> refusal;
  Job* job = nullptr;
  {
    MutexLock lock(mutex_);
    const bool demand = fetch.priority == Priority::kDemand;
    const uint32_t demands = open_.at(index_of(Priority::kDemand));
    const uint32_t background = std::accumulate(open_.begin(), open_.end(), 0U) - demands;
    if (closed_) {
      refusal = shutting_down();
    } else if (const Error* damage = damage_.find(ref, parts_.timers.now())) {
      refusal = *damage;
    } else if (!demand && background >= limits_.open_background) {
      refusal = dropped();
    } else if (demand && demands >= limits_.open_demand) {
      refusal = Error{Code::kFailed, "chunk " + ref.id.hex() + ": " + std::to_string(demands) +
                                         " fetches wait for the store already, which is the limit"};
    } else {
      auto owned = std::make_unique<Job>(ref, fetch, limits_.retry, ++seed_, std::move(done));
      job = owned.get();
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
  {
    MutexLock lock(mutex_);
    const auto [begin, end] = jobs_.equal_range(ref);
    for (auto it = begin; it != end; ++it) {
      Job& job = *it->second;
      job.fetch.deadline = std::max(job.fetch.deadline, fetch.deadline);
      if (fetch.priority >= job.fetch.priority) continue;
      if (job.queued) queue_.remove(job.fetch.priority, job.fetch.mount, &job);
      --open_.at(index_of(job.fetch.priority));
      ++open_.at(index_of(fetch.priority));
      job.fetch.priority = fetch.priority;
      job.fetch.mount = fetch.mount;
      if (job.queued) queue_.push(fetch.priority, fetch.mount, &job);
    }
  }
  pump();
}

void Origin::enqueue(Job& job) {
  {
    MutexLock lock(mutex_);
    job.queued = true;
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
    Job* job = nullptr;
    {
      MutexLock lock(mutex_);
      job = next_to_start();
      if (job == nullptr) {
        pumping_ = false;
        return;
      }
    }
    attempt(*job);
  }
}

Origin::Job* Origin::next_to_start() {
  const auto started = queue_.pop([this](Priority priority, uint64_t mount)
                                      NO_THREAD_SAFETY_ANALYSIS { return may_start(priority, mount); });
  if (!started) return nullptr;
  Job& job = **started;
  job.queued = false;
  job.has_slot = true;
  job.slot = job.fetch;
  ++in_flight_.at(index_of(job.slot.priority));
  ++mount_in_flight_[job.slot.mount];
  return &job;
}

bool Origin::may_start(Priority priority, uint64_t mount) const {
  const uint32_t all = std::accumulate(in_flight_.begin(), in_flight_.end(), 0U);
  if (all >= limits_.in_flight) return false;
  const uint32_t background = all - in_flight_.at(index_of(Priority::kDemand));
  if (priority != Priority::kDemand && background >= limits_.in_flight_background) return false;
  const auto mine = mount_in_flight_.find(mount);
  return mine == mount_in_flight_.end() || mine->second < limits_.in_flight_per_mount;
}

void Origin::release_slot(Job& job) {
  if (!job.has_slot) return;
  job.has_slot = false;
  --in_flight_.at(index_of(job.slot.priority));
  const auto mine = mount_in_flight_.find(job.slot.mount);
  if (--mine->second == 0) mount_in_flight_.erase(mine);
}

void Origin::attempt(Job& job) {
  const TimePoint now = parts_.timers.now();
  std::string root;
  TimePoint deadline;
  bool closed = false;
  bool left = false;
  {
    MutexLock lock(mutex_);
    job.roots = roots_.size();
    if (job.roots > 0) root = roots_.at(job.turn % job.roots);
    deadline = job.fetch.deadline;
    closed = closed_;
    left = job.fetch.stop.stop_requested();
  }
  if (closed) return finish(job, shutting_down());
  if (left) return finish(job, Error{Code::kCancelled, "the reader of the chunk has left"});
  if (now >= deadline) return finish(job, expired(job));
  if (job.roots == 0) return missing(job);
  const GetOptions options{job.ref.stored_length, std::min(deadline, now + limits_.attempt), {}};
  parts_.reader.get(parts_.key_of(root, job.ref.id), options,
                    [this, &job](Result<Object> answer) { answered(job, std::move(answer)); });
}

void Origin::answered(Job& job, Result<Object> answer) {
  if (answer.ok()) {
    note_reachable();
    count(parts_.counters.bytes, answer->bytes.size());
    parts_.cpu.post(
        [this, &job, bytes = std::move(answer->bytes)]() mutable { verify(job, std::move(bytes)); });
    return;
  }
  switch (answer.error().code) {
    case Code::kNotFound:
      note_reachable();
      return missing(job);
    case Code::kDamaged:
      note_reachable();
      // Its bytes were not taken (too many): answers of this kind count as equal.
      return wrong(job, Digest{}, std::move(answer).error());
    case Code::kRefused:
    case Code::kUsage:
    case Code::kCancelled:
      count(parts_.counters.errors);
      return finish(job, std::move(answer).error());
    case Code::kFailed:
    case Code::kUnreachable:
    case Code::kTimedOut:
      return trouble(job, std::move(answer).error());
  }
}

void Origin::verify(Job& job, Buffer bytes) {
  Result<SealedChunk> chunk = SealedChunk::verify(job.ref, std::move(bytes));
  // NOLINTNEXTLINE(bugprone-use-after-move): wrong bytes are left where they are
  if (!chunk.ok()) return wrong(job, sha256(bytes.view()), std::move(chunk).error());
  count(parts_.counters.hits);
  finish(job, Fetched{std::move(chunk).value(), Tier::kOrigin});
}

// Every root is asked before the chunk counts as missing once; a store may be a moment behind its writers.
void Origin::missing(Job& job) {
  ++job.turn;
  if (++job.missing_in_row < job.roots) return attempt(job);
  job.missing_in_row = 0;
  Error error{Code::kNotFound, "no readable root holds chunk " + job.ref.id.hex() +
                                   "; 'thaw verify' names what an image lacks"};
  if (++job.missing_rounds < limits_.retry.missing_rounds) return try_later(job, std::move(error));
  count(parts_.counters.misses);
  finish(job, std::move(error));
}

// Asked again at once and in the next root: damage is no outage, and another copy may be sound.
void Origin::wrong(Job& job, const Digest& digest, Error error) {
  count(parts_.counters.errors);
  ++job.turn;
  job.missing_in_row = 0;
  if (!job.wrong.add(digest, limits_.retry)) return attempt(job);
  {
    MutexLock lock(mutex_);
    damage_.remember(job.ref, error, parts_.timers.now());
  }
  finish(job, std::move(error));
}

void Origin::trouble(Job& job, Error error) {
  count(parts_.counters.errors);
  note_unreachable();
  try_later(job, std::move(error));
}

void Origin::try_later(Job& job, Error error) {
  job.last_error = std::move(error);
  const TimePoint now = parts_.timers.now();
  TimePoint when = now + job.backoff.next();
  {
    MutexLock lock(mutex_);
    release_slot(job);
    when = std::min(when, job.fetch.deadline);
  }
  parts_.timers.call_at(when, [this, &job] { enqueue(job); });
  pump();
}

void Origin::finish(Job& job, Result<Fetched> result) {
  Completion<Fetched> done;
  {
    MutexLock lock(mutex_);
    done = std::move(job.done);
    release_slot(job);
    --open_.at(index_of(job.fetch.priority));
    const auto [begin, end] = jobs_.equal_range(job.ref);
    jobs_.erase(std::find_if(begin, end, [&job](const auto& entry) { return entry.second.get() == &job; }));
  }
  if (done) done(std::move(result));
  pump();
}

Error Origin::expired(const Job& job) const {
  const std::string why =
      job.last_error.message.empty() ? "it waited for a free request all the time" : job.last_error.message;
  return {Code::kTimedOut, "chunk " + job.ref.id.hex() + " did not arrive before the deadline: " + why};
}

void Origin::set_roots(std::vector<std::string> roots) {
  MutexLock lock(mutex_);
  roots_ = std::move(roots);
}

void Origin::note_reachable() {
  MutexLock lock(mutex_);
  away_since_.reset();
}

void Origin::note_unreachable() {
  MutexLock lock(mutex_);
  if (!away_since_) away_since_ = parts_.timers.now();
}

std::optional<TimePoint> Origin::away_since() const {
  MutexLock lock(mutex_);
  return away_since_;
}

size_t Origin::open() const {
  MutexLock lock(mutex_);
  return jobs_.size();
}

}  // namespace thaw
