// Origin::Job, Origin::Attempt: one fetch, and a request that it sends. For cache/origin*.cc only.
//
// A job has one attempt in flight, or two: the request and its hedge. While one runs, the job's fields but
// the guarded ones stay as they are. Once none runs they belong to the step that ended the last one.
#pragma once

#include <array>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "cache/origin.h"
#include "lib/base/retry_backoff.h"

namespace thaw {

inline Error shutting_down() { return {Code::kCancelled, "the daemon is shutting down"}; }

struct Origin::Attempt {
  Job* job = nullptr;
  // Guarded by mutex_; `stop` is constant while it runs.
  TimePoint started;
  bool running = false;   // sent, and its answer is not judged yet
  bool answered = false;  // but perhaps not judged
  bool is_hedge = false;
  bool has_slot = false;
  Fetch slot;                               // what it counted as when it took its slot
  std::stop_source stop{std::nostopstate};  // of this request alone
};

struct Origin::Job {
  Job(const ChunkRef& what, const Fetch& why, const RetryLimits& limits, uint64_t seed,
      Completion<Fetched> when_done)
      : ref(what),
        number(seed),
        fetch(why),
        backoff(limits.first_backoff, limits.longest_backoff, seed),
        done(std::move(when_done)) {
    for (Attempt& attempt : attempts) attempt.job = this;
  }

  bool runs() const { return attempts[0].running || attempts[1].running; }
  // The one request that is out, unanswered; nullptr when it is none or two.
  const Attempt* waits_for() const {
    if (attempts[0].running == attempts[1].running) return nullptr;
    const Attempt& attempt = attempts[0].running ? attempts[0] : attempts[1];
    return attempt.answered ? nullptr : &attempt;
  }

  const ChunkRef ref;
  const uint64_t number;  // no other job's
  Fetch fetch;            // guarded by mutex_: expedite() may raise it at any time
  bool queued = false;    // guarded by mutex_
  bool decided = false;   // guarded by mutex_: an attempt has won
  bool finished = false;  // guarded by mutex_: not open any more; a husk while an attempt runs
  std::array<Attempt, 2> attempts;

  uint32_t sent = 0;            // how often it was tried; guarded by mutex_
  uint16_t hedges = 0;          // of these, second ones; guarded by mutex_
  size_t turn = 0;              // which root is asked
  size_t roots = 0;             // how many there were
  std::string root;             // the last one that was asked
  uint32_t asked_in_row = 0;    // requests since it last slept
  uint32_t missing_in_row = 0;  // roots that lack it, without another answer between
  uint32_t missing_rounds = 0;
  std::optional<TimePoint> missing_since;  // the first time that a root lacked it
  WrongAnswers wrong;
  RetryBackoff backoff;
  Error last_error;

  // What Journey tells.
  TimePoint asked;                       // when it came
  std::optional<TimePoint> waits_since;  // for a slot; guarded by mutex_
  TimePoint sleeps_since;                // until it is tried again
  TimePoint failed_at;                   // its last request
  Duration waited{};
  Duration slept{};
  Completion<Fetched> done;  // guarded by mutex_; empty once answered
};

}  // namespace thaw
