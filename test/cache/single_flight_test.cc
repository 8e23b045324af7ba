#include "cache/single_flight.h"

#include <catch2/catch.hpp>

#include "cache/memory_store.h"
#include "lib/base/units.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::single_flight_test {
namespace {

using std::chrono::seconds;

struct Fixture {
  ~Fixture() {
    while (!lower.pending.empty()) lower.answer(Error{Code::kCancelled, "the test is over"});
  }

  Fetch fetch(int deadline_s, Priority priority = Priority::kDemand, std::stop_token stop = {}) {
    return {timers.now() + seconds(deadline_s), priority, 7, std::move(stop)};
  }

  TierCounters counters{};
  MemoryStore memory{{8 * kMiB}, counters};
  FakeSource lower;
  ManualTimers timers;
  SingleFlight flight{memory, lower, lower, timers};
  Answer<Fetched> a;
  Answer<Fetched> b;
  Answer<Fetched> c;
};

}  // namespace

TEST_CASE("many readers, one fetch", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  f.flight.get(sample_ref(2), f.fetch(30), f.c.completion());
  CHECK(f.lower.gets == 2);
  f.lower.answer(sample_chunk(1));
  CHECK(f.a.good());
  CHECK(f.b.good());
  CHECK(f.c.times == 0);
  f.lower.answer(sample_chunk(2));
  CHECK(f.c.good());
  CHECK(f.flight.flights() == 0);
}

TEST_CASE("a reader who missed just before a flight ended does not fetch again", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30), f.a.completion());
  f.lower.answer(sample_chunk(1));
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  CHECK(f.lower.gets == 1);
  REQUIRE(f.b.good());
  CHECK(f.b.value().tier == Tier::kMemory);
}

TEST_CASE("an error reaches all, and the next reader fetches anew", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  f.lower.answer(Error{Code::kDamaged, "bad"});
  CHECK(f.a.has(Code::kDamaged));
  CHECK(f.b.has(Code::kDamaged));
  f.flight.get(sample_ref(1), f.fetch(30), f.c.completion());
  CHECK(f.lower.gets == 2);
  f.lower.answer(sample_chunk(1));
}

TEST_CASE("a waiter that leaves is answered at once and does not end the flight", "[single_flight]") {
  Fixture f;
  std::stop_source leaves;
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kDemand, leaves.get_token()), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  leaves.request_stop();
  CHECK(f.a.has(Code::kCancelled));
  CHECK(f.b.times == 0);
  CHECK_FALSE(f.lower.pending.front().fetch.stop.stop_possible());
  f.lower.answer(sample_chunk(1));
  CHECK(f.a.times == 1);
  CHECK(f.b.good());
}

TEST_CASE("the last waiter leaves, and what arrives still fills the memory", "[single_flight]") {
  Fixture f;
  std::stop_source leaves;
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kDemand, leaves.get_token()), f.a.completion());
  leaves.request_stop();
  f.lower.answer(sample_chunk(1));
  CHECK(f.memory.look_up(sample_ref(1)).has_value());
}

TEST_CASE("who left before asking fetches nothing", "[single_flight]") {
  Fixture f;
  std::stop_source leaves;
  leaves.request_stop();
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kDemand, leaves.get_token()), f.a.completion());
  CHECK(f.a.has(Code::kCancelled));
  CHECK(f.lower.gets == 0);
}

TEST_CASE("a more urgent waiter raises the flight, an equal one does not", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kPrefetch), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kPrefetch), f.b.completion());
  CHECK(f.lower.expedited.empty());
  f.flight.get(sample_ref(1), f.fetch(40, Priority::kDemand), f.c.completion());
  REQUIRE(f.lower.expedited.size() == 1);
  CHECK(f.lower.expedited[0].first == sample_ref(1));
  CHECK(f.lower.expedited[0].second.priority == Priority::kDemand);
  CHECK(f.lower.expedited[0].second.deadline == f.timers.now() + seconds(40));
  f.lower.answer(sample_chunk(1));
}

TEST_CASE("each waiter is answered at its own deadline, the flight goes on", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(10), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(5), f.b.completion());
  f.flight.get(sample_ref(1), f.fetch(20), f.c.completion());
  f.timers.advance(seconds(6));
  CHECK(f.b.has(Code::kTimedOut));
  CHECK(f.a.times == 0);
  f.timers.advance(seconds(5));
  CHECK(f.a.has(Code::kTimedOut));
  CHECK(f.c.times == 0);
  f.lower.answer(sample_chunk(1));
  CHECK(f.c.good());
  CHECK(f.a.times == 1);
  CHECK(f.b.times == 1);
  f.timers.advance(seconds(60));
  CHECK(f.c.times == 1);
}

TEST_CASE("deadlines cost one timer at a time, however many wait", "[single_flight]") {
  std::vector<Answer<Fetched>> answers(100);
  Fixture f;
  for (uint32_t i = 0; i < 100; ++i) {
    f.flight.get(sample_ref(i), f.fetch(30 + static_cast<int>(i)), answers[i].completion());
  }
  CHECK(f.timers.pending() == 1);
  f.timers.advance(seconds(200));
  for (const Answer<Fetched>& answer : answers) CHECK(answer.has(Code::kTimedOut));
  CHECK(f.timers.pending() == 0);
}

TEST_CASE("a flight that failed for want of time starts again for who has more", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(5), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(20), f.b.completion());
  f.lower.answer(Error{Code::kTimedOut, "late"});
  CHECK(f.a.has(Code::kTimedOut));
  CHECK(f.b.times == 0);
  REQUIRE(f.lower.pending.size() == 1);
  CHECK(f.lower.pending[0].fetch.deadline == f.timers.now() + seconds(20));
  f.lower.answer(Error{Code::kTimedOut, "late again"});
  CHECK(f.b.has(Code::kTimedOut));
  CHECK(f.flight.flights() == 0);
}

TEST_CASE("a dropped prefetch is fetched again for the reader who joined it", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kPrefetch), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30, Priority::kDemand), f.b.completion());
  f.lower.answer(Error{Code::kCancelled, "queue full"});
  CHECK(f.a.has(Code::kCancelled));
  REQUIRE(f.lower.pending.size() == 1);
  CHECK(f.lower.pending[0].fetch.priority == Priority::kDemand);
  f.lower.answer(sample_chunk(1));
  CHECK(f.b.good());
}

TEST_CASE("who finds a flight under way is told so", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(30), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  f.lower.answer(sample_chunk(1));
  REQUIRE(f.a.good());
  REQUIRE(f.b.good());
  CHECK_FALSE(f.a.value().journey.joined);
  CHECK(f.b.value().journey.joined);
}

TEST_CASE("one of those who are answered fetched it, also when who began has left", "[single_flight]") {
  Fixture f;
  f.flight.get(sample_ref(1), f.fetch(5), f.a.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.b.completion());
  f.flight.get(sample_ref(1), f.fetch(30), f.c.completion());
  f.timers.advance(seconds(6));
  REQUIRE(f.a.has(Code::kTimedOut));
  f.lower.answer(sample_chunk(1));
  REQUIRE(f.b.good());
  REQUIRE(f.c.good());
  CHECK_FALSE(f.b.value().journey.joined);
  CHECK(f.c.value().journey.joined);
}

}  // namespace thaw::single_flight_test
