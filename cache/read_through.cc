#include "cache/read_through.h"

#include <utility>

namespace thaw {

void ReadThrough::get(const ChunkRef& ref, const Fetch& fetch, Completion<Fetched> done) {
  const TimePoint start = clock_ != nullptr ? clock_->now() : TimePoint();
  if (clock_ != nullptr) count(counters_.in_flight);
  store_.find(ref, fetch, [this, start, ref, fetch, done = std::move(done)](auto found) mutable {
    looked_up({ref, fetch, time_since(start)}, std::move(found), std::move(done));
  });
}

Duration ReadThrough::time_since(TimePoint start) {
  if (clock_ == nullptr) return {};
  counters_.in_flight.fetch_sub(1, std::memory_order_relaxed);
  return clock_->now() - start;
}

void ReadThrough::looked_up(const LookUp& asked, Result<std::optional<SealedChunk>> found,
                            Completion<Fetched> done) {
  const uint32_t took_us = microseconds_of(asked.took);
  if (found.ok() && found.value().has_value()) {
    count(counters_.hits);
    count(counters_.bytes, asked.ref.stored_length);
    if (clock_ != nullptr) counters_.latency.record(took_us);
    Fetched hit{*std::move(found).value(), tier_};
    hit.journey.spent_in(tier_) = took_us;
    return done(std::move(hit));
  }
  count(counters_.misses);
  next_.get(asked.ref, asked.fetch, [this, took_us, done = std::move(done)](Result<Fetched> result) mutable {
    if (result.ok()) result->journey.spent_in(tier_) = took_us;
    fetched(std::move(result), std::move(done));
  });
}

void ReadThrough::fetched(Result<Fetched> result, Completion<Fetched> done) {
  // Before the answer, so that who reads again at once finds it; a put never waits.
  if (result.ok()) store_.put(result->chunk);
  done(std::move(result));
}

}  // namespace thaw
