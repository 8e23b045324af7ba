#include "cache/origin.h"

#include <catch2/catch.hpp>

#include "test/cache/origin_fixture.h"

namespace thaw::origin_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Fixture = OriginFixture;

}  // namespace

TEST_CASE("a chunk comes from the newest root that has it, and is hashed on the CPU workers", "[origin]") {
  Fixture f({"new", "old"});
  f.add("old", 1);
  f.get(1, f.a);
  CHECK(f.a.times == 0);
  CHECK(f.cpu.pending() == 1);
  f.cpu.run_all();
  REQUIRE(f.a.good());
  CHECK(f.a.value().tier == Tier::kOrigin);
  CHECK(f.reader.asked ==
        std::vector<std::string>{origin_key("new", sample_ref(1).id), origin_key("old", sample_ref(1).id)});
  CHECK(f.counters.hits == 1);
  CHECK(f.counters.bytes == 8192);
  CHECK(f.origin.open() == 0);
}

TEST_CASE("roots can change while the daemon runs", "[origin]") {
  Fixture f({"one"});
  f.add("two", 1);
  f.origin.set_roots({"two"});
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.a.good());
}

TEST_CASE("a chunk that no root holds is asked for a few times before it is missing", "[origin]") {
  Fixture f({"new", "old"});
  f.get(1, f.a);
  CHECK(f.a.times == 0);
  f.timers.advance(milliseconds(1));
  f.origin.set_roots({"new", "old"});
  f.run(f.a);
  CHECK(f.a.has(Code::kNotFound));
  CHECK(f.reader.gets == 8);
  CHECK(f.counters.misses == 1);
}

TEST_CASE("a chunk that appears in a root meanwhile is found", "[origin]") {
  Fixture f;
  f.get(1, f.a);
  f.add("r1", 1);
  f.run(f.a);
  CHECK(f.a.good());
}

TEST_CASE("a store that says when to come back is not asked before, and again in time", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.go_away();
  const bool beyond_deadline = GENERATE(false, true);
  f.reader.set_retry_after(seconds(beyond_deadline ? 3600 : 5));
  f.get(1, f.a);
  f.timers.advance(milliseconds(beyond_deadline ? 9999 : 4999));
  CHECK(f.reader.gets == 1);
  f.reader.come_back();
  f.run(f.a);
  CHECK(f.a.good());
  CHECK(f.reader.gets == 2);
}

TEST_CASE("a store that is away is no error before the deadline", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.go_away();
  f.get(1, f.a);
  f.timers.advance(seconds(29));
  CHECK(f.a.times == 0);
  CHECK(f.reader.gets > 5);
  REQUIRE(f.origin.away_since().has_value());
  SECTION("it comes back in time") {
    f.reader.come_back();
    f.run(f.a);
    CHECK(f.a.good());
    CHECK_FALSE(f.origin.away_since().has_value());
  }
  SECTION("it does not") {
    f.timers.advance(seconds(1));
    REQUIRE(f.a.has(Code::kTimedOut));
    CHECK(f.a.last->error().message.find("connection refused") != std::string::npos);
  }
  CHECK(f.origin.open() == 0);
}

TEST_CASE("without a deadline a fetch outlives any outage", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.go_away();
  f.origin.get(sample_ref(1), {TimePoint::max(), Priority::kDemand, 1, {}}, f.a.completion());
  f.timers.advance(std::chrono::hours(1));
  CHECK(f.a.times == 0);
  f.reader.come_back();
  f.run(f.a);
  CHECK(f.a.good());
}

TEST_CASE("a request that hangs is given up and asked again within the deadline", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.set_faults({.lost = 1000});
  f.get(1, f.a);
  f.timers.advance(seconds(5));
  CHECK(f.reader.gets == 1);
  f.reader.set_faults({});
  f.timers.advance(seconds(8));
  f.cpu.run_all();
  CHECK(f.a.good());
  CHECK(f.reader.gets == 2);
}

TEST_CASE("the same wrong answer three times is damage at once, remembered for a while", "[origin]") {
  Fixture f;
  Bytes wrong = sample_bytes(1, 8192);
  wrong[77] ^= 1;
  f.add("r1", 1, wrong);
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.a.has(Code::kDamaged));
  CHECK(f.reader.gets == 3);
  f.get(1, f.b);
  CHECK(f.b.has(Code::kDamaged));
  CHECK(f.reader.gets == 3);

  f.add("r1", 1);
  f.timers.advance(seconds(5));
  Answer<Fetched> healed;
  f.get(1, healed);
  f.cpu.run_all();
  CHECK(healed.good());
}

TEST_CASE("different wrong answers are five before it is damage", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.set_faults({.flipped = 1000});
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.a.has(Code::kDamaged));
  CHECK(f.reader.gets == 5);
  CHECK(f.counters.errors == 5);
}

TEST_CASE("a truncated, an empty and a longer object are damage and nothing else", "[origin]") {
  Fixture f;
  const Bytes whole = sample_bytes(1, 8192);
  const auto length = GENERATE(0, 4096, 8191, 8193, 100000);
  Bytes other = whole;
  other.resize(static_cast<size_t>(length));
  f.add("r1", 1, other);
  f.get(1, f.a);
  f.run(f.a);
  CHECK(f.a.has(Code::kDamaged));
  CHECK(f.reader.gets == 3);
}

TEST_CASE("answers that break off here and there are transport trouble", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.set_faults({.torn = 1000});
  f.get(1, f.a);
  for (int i = 0; i < 100 && f.reader.gets < 10; ++i) {
    f.timers.advance(milliseconds(20));
    f.cpu.run_all();
  }
  CHECK(f.a.times == 0);
  CHECK(f.reader.gets == 10);
  SECTION("that passes") {
    f.reader.set_faults({});
    f.run(f.a);
    CHECK(f.a.good());
  }
  SECTION("that outlasts the deadline") {
    f.run(f.a);
    CHECK(f.a.has(Code::kTimedOut));
  }
}

TEST_CASE("a sound copy in another root saves a damaged one at once", "[origin]") {
  Fixture f({"new", "old"});
  const auto length = GENERATE(8192, 4096, 0);
  f.add("new", 1, Bytes(static_cast<size_t>(length), 5));
  f.add("old", 1);
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.a.good());
  CHECK(f.reader.gets == 2);
}

TEST_CASE("shutting down answers what is open at once, and what still runs ends by itself", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.add("r1", 3);
  Answer<Fetched> c;
  f.get(1, f.a);  // being verified
  f.reader.go_away();
  f.get(2, f.b);  // waits for its next try
  f.origin.shut_down();
  CHECK(f.a.has(Code::kCancelled));
  CHECK(f.b.has(Code::kCancelled));
  f.get(3, c);
  CHECK(c.has(Code::kCancelled));
  const size_t gets = f.reader.gets;
  f.cpu.run_all();
  f.timers.advance(seconds(60));
  CHECK(f.reader.gets == gets);
  CHECK(f.origin.open() == 0);
  CHECK(f.a.times == 1);
}

TEST_CASE("a fetch says how long it waited, for what, and how often it asked", "[origin]") {
  OriginLimits limits;
  limits.in_flight = limits.in_flight_background = limits.in_flight_per_mount = 1;
  Fixture f({"r1"}, limits);
  f.add("r1", 1);
  f.add("r1", 2);
  f.reader.go_away();
  f.get(1, f.a);
  f.timers.advance(seconds(2));
  f.reader.come_back();
  f.run(f.a);
  REQUIRE(f.a.good());
  const Journey away = f.a.value().journey;
  CHECK(away.paused_us >= 2'000'000);
  CHECK(away.spent_us[3] >= away.paused_us);
  CHECK(away.queued_us == 0);
  CHECK(away.requests > 2);
  CHECK(f.counters.latency.count() == 1);

  // The slot is taken until the first answer was hashed.
  Answer<Fetched> first;
  f.get(1, first);
  f.get(2, f.b);
  f.timers.advance(seconds(1));
  f.run(f.b);
  REQUIRE(f.b.good());
  const Journey queued = f.b.value().journey;
  CHECK(queued.queued_us == 1'000'000);
  CHECK(queued.paused_us == 0);
  CHECK(queued.requests == 1);
}

}  // namespace thaw::origin_test
