// The steps of one fetch: send, judge the answer, try again or finish. The queue is in origin.cc.
#include <algorithm>
#include <utility>

#include "cache/origin_job.h"
#include "lib/crypto/hash.h"

namespace thaw {

void Origin::start(Attempt& attempt) {
  Job& job = *attempt.job;
  const TimePoint now = parts_.timers.now();
  std::optional<Error> end;
  std::string root;
  TimePoint deadline;
  std::optional<Duration> slow_after;
  {
    MutexLock lock(mutex_);
    if (job.waits_since) job.waited += now - *std::exchange(job.waits_since, std::nullopt);
    job.roots = roots_.size();
    deadline = job.fetch.deadline;
    if (closed_) {
      end = shutting_down();
    } else if (job.fetch.stop.stop_requested()) {
      end = Error{Code::kCancelled, "the reader of the chunk has left"};
    } else if (now >= deadline) {
      end = expired(job);
    } else if (job.roots > 0) {
      if (job.sent == 0) job.turn = first_turn(job.fetch.mount);
      root = job.root = roots_.at(job.turn % job.roots);
      ++job.asked_in_row;
      note_start(attempt, now);
      if (job.fetch.priority == Priority::kDemand) slow_after = hedging_.slow_after();
    }
  }
  if (end) return finish(job, *std::move(end));
  if (job.roots == 0) return missing(attempt);
  // The job's fields are its own until the request is sent.
  if (slow_after) hedge_at(now + *slow_after, {job.ref, job.number, job.sent});
  send(attempt, root, std::min(deadline, now + limits_.attempt));
}

// The root where the mount's last chunk lay: a root holds all that its images need.
size_t Origin::first_turn(uint64_t mount) const {
  const auto home = homes_.find(mount);
  if (home == homes_.end()) return 0;
  const auto root = std::ranges::find(roots_, home->second);
  return root == roots_.end() ? 0 : static_cast<size_t>(root - roots_.begin());
}

void Origin::note_home(const Job& job) {
  if (homes_.size() >= kMaxHomes && !homes_.contains(job.fetch.mount)) homes_.clear();
  homes_.insert_or_assign(job.fetch.mount, job.root);
}

void Origin::note_start(Attempt& attempt, TimePoint now) {
  attempt.started = now;
  attempt.running = true;
  attempt.answered = false;
  attempt.is_hedge = false;
  attempt.stop = std::stop_source();
  ++attempt.job->sent;
  ++counted_.requests;
  hedging_.request_started();
}

void Origin::send(Attempt& attempt, const std::string& root, TimePoint deadline) {
  const ChunkRef& ref = attempt.job->ref;
  parts_.reader.get(parts_.key_of(root, ref.id), {ref.stored_length, deadline, attempt.stop.get_token()},
                    [this, &attempt](Result<Object> answer) { answered(attempt, std::move(answer)); });
}

void Origin::answered(Attempt& attempt, Result<Object> answer) {
  note_answer(attempt, answer);
  if (!answer.ok()) return failed(attempt, std::move(answer).error());
  count(parts_.counters.bytes, answer->bytes.size());
  Fetch fetch;
  {
    MutexLock lock(mutex_);
    fetch = attempt.job->fetch;
  }
  parts_.cpu.verify({attempt.job->ref, std::move(answer->bytes)}, fetch,
                    [this, &attempt](Result<SealedChunk> chunk, Buffer&& wrong) {
                      verified(attempt, std::move(chunk), wrong.view());
                    });
}

void Origin::note_answer(Attempt& attempt, const Result<Object>& answer) {
  const TimePoint now = parts_.timers.now();
  const Code code = answer.ok() ? Code::kNotFound : answer.error().code;
  const bool reachable = code == Code::kNotFound || code == Code::kDamaged;
  // What a reader's deadline cut short says nothing about the store.
  const bool hurried = code == Code::kTimedOut && now - attempt.started < limits_.outage;
  const bool away = !reachable && code != Code::kCancelled && !hurried;
  const bool overloaded = code == Code::kUnreachable || code == Code::kTimedOut;
  MutexLock lock(mutex_);
  attempt.answered = true;
  // What fails at once says nothing about how long an answer takes; what was given up does.
  if (reachable || code == Code::kTimedOut || code == Code::kCancelled) {
    hedging_.request_took(now - attempt.started);
  }
  if (reachable) {
    if (away_since_ && now - *away_since_ >= limits_.outage) tokens_.outage_ended(jobs_.size());
    away_since_.reset();
    cap_.answered();
  } else if (away) {
    if (!away_since_) away_since_ = now;
    failed_at_ = now;
    if (overloaded) cap_.overloaded(now);
  }
}

void Origin::failed(Attempt& attempt, Error error) {
  Job& job = *attempt.job;
  if (error.code != Code::kNotFound && error.code != Code::kCancelled) count(parts_.counters.errors);
  if (!is_last(attempt)) return;
  switch (error.code) {
    case Code::kNotFound:
      return missing(attempt);
    case Code::kDamaged:
      // Its bytes were not taken (too many): answers of this kind count as equal.
      return wrong(attempt, Digest{}, std::move(error));
    case Code::kCancelled:
      return finish(job, std::move(error));
    // Credentials that come late, a redirect while the store is moved: whoever reads waits as in an outage.
    case Code::kRefused:
    case Code::kUsage:
    case Code::kFailed:
    case Code::kUnreachable:
    case Code::kTimedOut:
      return retry_later(job, std::move(error));
  }
}

void Origin::verified(Attempt& attempt, Result<SealedChunk> chunk, ByteView bytes) {
  Job& job = *attempt.job;
  if (chunk.ok()) {
    if (!wins(attempt)) return;
    count(parts_.counters.hits);
    const Journey journey = journey_of(job);
    parts_.counters.latency.record(journey.spent_in(Tier::kOrigin));
    return finish(job, Fetched{std::move(chunk).value(), Tier::kOrigin, journey});
  }
  count(parts_.counters.errors);
  const Digest digest = sha256(bytes);
  if (!is_last(attempt)) return;
  if (bytes.size() < job.ref.stored_length) return cut_short(attempt, digest, std::move(chunk).error());
  wrong(attempt, digest, std::move(chunk).error());
}

// Of a job that is decided.
Journey Origin::journey_of(const Job& job) const {
  Journey journey;
  journey.spent_in(Tier::kOrigin) = microseconds_of(parts_.timers.now() - job.asked);
  journey.queued_us = microseconds_of(job.waited);
  journey.paused_us = microseconds_of(job.slept);
  journey.requests = static_cast<uint16_t>(std::min<uint32_t>(job.sent + job.hedges, 0xFFFF));
  journey.hedges = job.hedges;
  return journey;
}

// Ends a good attempt. False: the other one was first; `attempt` may be gone.
bool Origin::wins(Attempt& attempt) {
  Job& job = *attempt.job;
  {
    MutexLock lock(mutex_);
    attempt.running = false;
    if (!job.decided) {
      job.decided = true;
      tokens_.succeeded(parts_.timers.now());
      note_home(job);
      if (attempt.is_hedge) ++counted_.hedges_won;
      return true;
    }
    leave_race(attempt);
  }
  pump();
  return false;
}

// Ends a bad attempt; true when it is for the caller to decide what becomes of the job, and the slot is still
// held. False: the other attempt runs, or has won; `attempt` may be gone.
bool Origin::is_last(Attempt& attempt) {
  Job& job = *attempt.job;
  {
    MutexLock lock(mutex_);
    attempt.running = false;
    if (!job.decided && !job.runs()) return true;
    leave_race(attempt);
  }
  pump();
  return false;
}

void Origin::leave_race(Attempt& attempt) {
  release_slot(attempt);
  const Job& job = *attempt.job;
  if (job.finished && !job.runs()) erase(job);
}

// Every root is asked before the chunk counts as missing once; a store may be a moment behind its writers.
void Origin::missing(Attempt& attempt) {
  Job& job = *attempt.job;
  const TimePoint now = parts_.timers.now();
  if (!job.missing_since) job.missing_since = now;
  ++job.turn;
  if (++job.missing_in_row < job.roots) return start(attempt);
  job.missing_in_row = 0;
  Error error{Code::kNotFound, "no readable root holds chunk " + job.ref.id.hex() +
                                   "; 'thaw verify' names what an image lacks"};
  if (++job.missing_rounds < limits_.retry.missing_rounds || may_lie_elsewhere(job, now)) {
    return retry_later(job, std::move(error));
  }
  count(parts_.counters.misses);
  finish(job, std::move(error));
}

bool Origin::may_lie_elsewhere(const Job& job, TimePoint now) const {
  MutexLock lock(mutex_);
  return roots_read_ <= *job.missing_since && now - *job.missing_since < limits_.retry.missing_patience;
}

// Asked again at once and in the next root: damage is no outage, and another copy may be sound.
void Origin::wrong(Attempt& attempt, const Digest& digest, Error error) {
  Job& job = *attempt.job;
  ++job.turn;
  job.missing_in_row = 0;
  if (job.wrong.add(digest, limits_.retry)) return damaged(job, std::move(error));
  bool paid = false;
  {
    MutexLock lock(mutex_);
    paid = pay_retry(job, Duration::zero());
  }
  if (paid) return start(attempt);
  retry_later(job, std::move(error));
}

// An answer that broke off, or an error document in the place of the chunk.
void Origin::cut_short(Attempt& attempt, const Digest& digest, Error error) {
  Job& job = *attempt.job;
  ++job.turn;
  job.missing_in_row = 0;
  if (job.wrong.add_short(digest, limits_.retry)) return damaged(job, std::move(error));
  // Another root may have all of it; none is asked twice without a pause.
  if (job.asked_in_row < job.roots) return start(attempt);
  retry_later(job, std::move(error));
}

void Origin::damaged(Job& job, Error error) {
  {
    MutexLock lock(mutex_);
    damage_.remember(job.ref, error, parts_.timers.now());
  }
  finish(job, std::move(error));
}

bool Origin::pay_retry(const Job& job, Duration waited) {
  if (!tokens_.try_spend(parts_.timers.now(), job.fetch.priority, waited)) return false;
  ++counted_.retries;
  return true;
}

void Origin::retry_later(Job& job, Error error) {
  job.last_error = std::move(error);
  job.failed_at = parts_.timers.now();
  job.asked_in_row = 0;
  pause(job, job.last_error.retry_after);
}

// `asked`: by the store; see RetryBackoff.
void Origin::pause(Job& job, Duration asked) {
  const TimePoint now = parts_.timers.now();
  job.sleeps_since = now;
  TimePoint when;
  {
    MutexLock lock(mutex_);
    for (Attempt& attempt : job.attempts) release_slot(attempt);
    const TimePoint deadline = job.fetch.deadline;
    when = std::min(now + job.backoff.next(asked, deadline - now), deadline);
  }
  parts_.timers.call_at(when, [this, &job] { wake(job); });
  pump();
}

// Without a token the job sleeps again; what shall end needs none, start() sees to it.
void Origin::wake(Job& job) {
  const TimePoint now = parts_.timers.now();
  bool go_on = false;
  job.slept += now - job.sleeps_since;
  {
    MutexLock lock(mutex_);
    const bool ends = closed_ || job.fetch.stop.stop_requested() || now >= job.fetch.deadline;
    go_on = ends || pay_retry(job, now - job.failed_at);
  }
  if (go_on) return enqueue(job);
  pause(job, Duration::zero());
}

void Origin::finish(Job& job, Result<Fetched> result) {
  Completion<Fetched> done;
  std::stop_source loser(std::nostopstate);
  {
    MutexLock lock(mutex_);
    job.decided = job.finished = true;
    done = std::move(job.done);
    --open_.at(index_of(job.fetch.priority));
    for (Attempt& attempt : job.attempts) {
      if (attempt.running) {
        loser = attempt.stop;
      } else {
        release_slot(attempt);
      }
    }
    if (!job.runs()) erase(job);
  }
  loser.request_stop();  // it holds its slot until it has ended
  if (done) done(std::move(result));
  pump();
}

Error Origin::expired(const Job& job) {
  const std::string why =
      job.last_error.message.empty() ? "it waited for a free request all the time" : job.last_error.message;
  return {Code::kTimedOut, "chunk " + job.ref.id.hex() + " did not arrive before the deadline: " + why};
}

}  // namespace thaw
