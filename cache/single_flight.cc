#include "cache/single_flight.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace thaw {
namespace {

// How much later than its deadline a waiter may be answered, so that a crowd of deadlines is one sweep.
constexpr Duration kSweepStep = std::chrono::milliseconds(100);

Error left() { return {Code::kCancelled, "the reader of the chunk has left"}; }

// Whether the flight failed by its own terms, which do not hold for a waiter with better ones.
bool may_still_succeed(const Error& error, const Fetch& launched, const Fetch& wanted) {
  if (error.code == Code::kTimedOut) return wanted.deadline > launched.deadline;
  return error.code == Code::kCancelled && wanted.priority < launched.priority;
}

}  // namespace

struct SingleFlight::Waiter {
  struct Leave {
    SingleFlight* owner;
    Waiter* waiter;
    void operator()() const { owner->leave(*waiter); }
  };

  Waiter(const Fetch& wanted, Completion<Fetched> when_done) : fetch(wanted), done(std::move(when_done)) {}

  Fetch fetch;
  Completion<Fetched> done;  // guarded by mutex_; empty once the waiter was answered
  bool joined = false;       // the same
  std::optional<std::stop_callback<Leave>> on_stop;
};

struct SingleFlight::Flight {
  Fetch launched;  // as the lower source knows it
  Fetch wanted;    // by all waiters together
  Waiters waiters;
};

SingleFlight::SingleFlight(ChunkStore& above, ChunkSource& next, Expedite& lower, Timers& timers)
    : above_(above), next_(next), lower_(lower), timers_(timers) {}

SingleFlight::~SingleFlight() = default;

void SingleFlight::get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) {
  auto waiter = std::make_unique<Waiter>(fetch, std::move(done));
  // Before it joins: afterwards a flight may end, and with it the waiter, at any time.
  if (fetch.stop.stop_possible()) waiter->on_stop.emplace(fetch.stop, Waiter::Leave{this, waiter.get()});
  Step step = Step::kNothing;
  Fetch wanted;
  Completion<Fetched> rejected;
  {
    MutexLock lock(mutex_);
    if (!waiter->done) return;
    step = join(ref, waiter);
    if (step == Step::kReject) {
      rejected = std::move(waiter->done);
    } else {
      wanted = flights_.at(ref)->wanted;
    }
  }
  if (rejected) {
    rejected(
        Error{Code::kFailed, "chunk " + ref.id.hex() + ": too many fetches are under way; read it later"});
    return;
  }
  watch(fetch.deadline);
  if (step == Step::kLaunch) launch(ref, wanted);
  if (step == Step::kExpedite) lower_.expedite(ref, wanted);
}

SingleFlight::Step SingleFlight::join(const ChunkRef& ref, std::unique_ptr<Waiter>& waiter) {
  const auto found = flights_.find(ref);
  if (found == flights_.end()) {
    if (flights_.size() >= kMaxFlights) return Step::kReject;
    auto flight = std::make_unique<Flight>();
    flight->launched = flight->wanted = joined(waiter->fetch, waiter->fetch);
    flight->waiters.push_back(std::move(waiter));
    flights_.emplace(ref, std::move(flight));
    return Step::kLaunch;
  }
  Flight& flight = *found->second;
  if (flight.waiters.size() >= kMaxWaiters) return Step::kReject;
  const Fetch before = flight.wanted;
  flight.wanted = joined(before, waiter->fetch);
  waiter->joined = true;
  flight.waiters.push_back(std::move(waiter));
  const bool raised = flight.wanted.priority < before.priority || flight.wanted.deadline > before.deadline;
  return raised ? Step::kExpedite : Step::kNothing;
}

void SingleFlight::launch(const ChunkRef& ref, const Fetch& fetch) {
  above_.find(ref, fetch, [this, ref, fetch](auto found) { looked_up(ref, fetch, std::move(found)); });
}

void SingleFlight::looked_up(const ChunkRef& ref, const Fetch& fetch,
                             Result<std::optional<SealedChunk>> found) {
  if (found.ok() && found.value().has_value()) {
    landed(ref, Fetched{*std::move(found).value(), Tier::kMemory});
    return;
  }
  next_.get(ref, fetch, [this, ref](Result<Fetched> result) { landed(ref, std::move(result)); });
}

void SingleFlight::landed(const ChunkRef& ref, Result<Fetched> result) {
  if (result.ok()) above_.put(result->chunk);
  Waiters landed;
  Landings answers;
  std::optional<Fetch> again;
  {
    MutexLock lock(mutex_);
    const auto found = flights_.find(ref);
    Flight& flight = *found->second;
    landed.swap(flight.waiters);
    for (std::unique_ptr<Waiter>& waiter : landed) {
      if (!waiter->done) continue;
      if (!result.ok() && may_still_succeed(result.error(), flight.launched, waiter->fetch)) {
        again = again ? joined(*again, waiter->fetch) : joined(waiter->fetch, waiter->fetch);
        flight.waiters.push_back(std::move(waiter));
      } else {
        answers.push_back({std::move(waiter->done), waiter->joined});
      }
    }
    if (again) {
      flight.launched = flight.wanted = *again;
    } else {
      flights_.erase(found);
    }
  }
  if (again) launch(ref, *again);
  // Whoever began it may have left; it is one reader's fetch all the same.
  if (!answers.empty() && std::ranges::all_of(answers, &Landing::joined)) answers.front().joined = false;
  for (Landing& answer : answers) {
    if (result.ok()) result->journey.joined = answer.joined;
    answer.done(result);
  }
}

// Takes the answer out and leaves the husk in its flight: a stop callback must not destroy itself half-built.
void SingleFlight::leave(Waiter& waiter) {
  Completion<Fetched> done;
  {
    MutexLock lock(mutex_);
    done = std::move(waiter.done);
  }
  if (done) done(left());
}

void SingleFlight::watch(TimePoint deadline) {
  {
    MutexLock lock(mutex_);
    if (deadline >= watched_) return;
    watched_ = deadline;
  }
  timers_.call_at(deadline, [this] { sweep(); });
}

void SingleFlight::sweep() {
  Landings expired;
  Waiters husks;
  TimePoint next = TimePoint::max();
  {
    MutexLock lock(mutex_);
    const TimePoint now = timers_.now();
    if (now < watched_) return;  // a later call was asked for before an earlier one
    next = take_expired(now, expired, husks);
    watched_ = TimePoint::max();
    if (next != TimePoint::max()) next = std::max(next, now + kSweepStep);
  }
  watch(next);
  for (Landing& late : expired) {
    late.done(Error{Code::kTimedOut,
                    "the chunk did not arrive before the read's deadline; is the store reachable?"});
  }
}

TimePoint SingleFlight::take_expired(TimePoint now, Landings& expired, Waiters& husks) {
  TimePoint earliest = TimePoint::max();
  for (auto& [ref, flight] : flights_) {
    Waiters staying;
    for (std::unique_ptr<Waiter>& waiter : flight->waiters) {
      if (waiter->done && waiter->fetch.deadline > now) {
        earliest = std::min(earliest, waiter->fetch.deadline);
        staying.push_back(std::move(waiter));
        continue;
      }
      if (waiter->done) expired.push_back({std::move(waiter->done)});
      husks.push_back(std::move(waiter));
    }
    flight->waiters.swap(staying);
  }
  return earliest;
}

size_t SingleFlight::flights() const {
  MutexLock lock(mutex_);
  return flights_.size();
}

}  // namespace thaw
