#include "cache/origin.h"

#include <catch2/catch.hpp>

#include "test/fakes/executors.h"
#include "test/fakes/fake_object_reader.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::origin_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string key_of(const std::string& root, const ChunkId& id) { return root + "/" + id.hex(); }

struct Fixture {
  explicit Fixture(std::vector<std::string> roots = {"r1"}, OriginLimits limits = {})
      : origin({reader, cpu, timers, counters, key_of, 1}, std::move(roots), limits) {}
  ~Fixture() {
    origin.shut_down();
    cpu.run_all();
    while (timers.run_next()) cpu.run_all();
  }

  void add(const std::string& root, uint32_t number, const Bytes& bytes) {
    reader.add(key_of(root, sample_ref(number).id), bytes);
  }
  void add(const std::string& root, uint32_t number) { add(root, number, sample_bytes(number, 8192)); }

  Fetch fetch(Priority priority = Priority::kDemand, uint64_t mount = 1) {
    return {timers.now() + seconds(30), priority, mount, {}};
  }
  void get(uint32_t number, Answer<Fetched>& answer) {
    origin.get(sample_ref(number), fetch(), answer.completion());
  }
  // Until `answer` is there, or nothing more can happen.
  void run(const Answer<Fetched>& answer) {
    cpu.run_all();
    while (answer.times == 0 && timers.run_next()) cpu.run_all();
  }

  ManualTimers timers;
  ManualExecutor cpu;
  FakeObjectReader reader{timers, 1};
  TierCounters counters{};
  Origin origin;
  Answer<Fetched> a;
  Answer<Fetched> b;
};

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
        std::vector<std::string>{key_of("new", sample_ref(1).id), key_of("old", sample_ref(1).id)});
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

TEST_CASE("other limits hold for what is in flight from then on", "[origin]") {
  OriginLimits limits;
  limits.in_flight = limits.in_flight_background = limits.in_flight_per_mount = 2;
  Fixture f({"r1"}, limits);
  StoreFaults slow;
  slow.latency = std::chrono::microseconds(1000);
  f.reader.set_faults(slow);
  std::array<Answer<Fetched>, 12> answers;
  for (uint32_t i = 0; i < answers.size(); ++i) {
    f.add("r1", i);
    f.get(i, answers.at(i));
  }
  CHECK(f.reader.in_flight == 2);
  f.origin.set_in_flight({6, 6, 6});
  CHECK(f.reader.in_flight == 6);
  f.origin.set_in_flight({1, 1, 1});
  while (f.timers.run_next()) f.cpu.run_all();
  for (const auto& answer : answers) CHECK(answer.good());
  CHECK(f.reader.most_in_flight == 6);
  CHECK(f.origin.state().cap == 1);
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
  f.cpu.run_all();
  CHECK(f.a.has(Code::kDamaged));
}

TEST_CASE("a sound copy in another root saves a damaged one", "[origin]") {
  Fixture f({"new", "old"});
  f.add("new", 1, Bytes(8192, 5));
  f.add("old", 1);
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.a.good());
  CHECK(f.reader.gets == 2);
}

TEST_CASE("requests in flight are capped, and a part is kept for demand", "[origin]") {
  OriginLimits limits;
  limits.in_flight = 8;
  limits.in_flight_background = 5;
  limits.in_flight_per_mount = 100;
  std::vector<Answer<Fetched>> answers(40);
  Fixture f({"r1"}, limits);
  f.reader.set_faults({.latency = std::chrono::milliseconds(10)});
  for (uint32_t i = 0; i < 40; ++i) {
    f.add("r1", i);
    const Priority priority = i < 20 ? Priority::kPrefetch : Priority::kDemand;
    f.origin.get(sample_ref(i), f.fetch(priority), answers[i].completion());
    if (i == 19) CHECK(f.reader.in_flight == 5);
  }
  CHECK(f.reader.in_flight == 8);
  f.timers.advance(milliseconds(10));
  // Answered, but a slot is free only once the answer was verified.
  CHECK(f.reader.gets == 8);
  while (f.cpu.pending() > 0) {
    f.cpu.run_all();
    f.timers.advance(milliseconds(10));
  }
  for (const Answer<Fetched>& answer : answers) CHECK(answer.good());
  CHECK(f.reader.most_in_flight == 8);
}

TEST_CASE("a store for which many readers wait is overloaded, and what is only fetched ahead does not count",
          "[origin]") {
  OriginLimits limits;
  limits.in_flight = 8;
  std::vector<Answer<Fetched>> answers(400);
  Fixture f({"r1"}, limits);
  f.reader.set_faults({.latency = std::chrono::milliseconds(10)});
  for (uint32_t i = 0; i < 400; ++i) {
    f.add("r1", i);
    CHECK(f.origin.overloaded() == (i > 200 + 128));
    f.origin.get(sample_ref(i), f.fetch(i < 200 ? Priority::kPrefetch : Priority::kDemand),
                 answers[i].completion());
  }
  while (f.timers.run_next()) f.cpu.run_all();
  CHECK_FALSE(f.origin.overloaded());
}

TEST_CASE("one mount cannot take all slots, nor another's turn", "[origin]") {
  OriginLimits limits;
  limits.in_flight = 8;
  limits.in_flight_per_mount = 6;
  std::vector<Answer<Fetched>> answers(21);
  Fixture f({"r1"}, limits);
  f.reader.set_faults({.latency = std::chrono::milliseconds(10)});
  for (uint32_t i = 0; i < 20; ++i) {
    f.origin.get(sample_ref(i), f.fetch(Priority::kDemand, 1), answers[i].completion());
  }
  CHECK(f.reader.in_flight == 6);
  f.origin.get(sample_ref(20), f.fetch(Priority::kDemand, 2), answers[20].completion());
  CHECK(f.reader.in_flight == 7);
  CHECK(f.reader.asked.back() == key_of("r1", sample_ref(20).id));
}

TEST_CASE("beyond its limit what is only read ahead is dropped, demand is not", "[origin]") {
  OriginLimits limits;
  limits.open_background = 3;
  limits.open_demand = 5;
  limits.in_flight = 1;
  std::vector<Answer<Fetched>> answers(10);
  Fixture f({"r1"}, limits);
  f.reader.go_away();
  for (uint32_t i = 0; i < 4; ++i)
    f.origin.get(sample_ref(i), f.fetch(Priority::kPrefetch), answers[i].completion());
  CHECK(answers[2].times == 0);
  CHECK(answers[3].has(Code::kCancelled));
  for (uint32_t i = 4; i < 10; ++i) f.get(i, answers[i]);
  CHECK(answers[8].times == 0);
  CHECK(answers[9].has(Code::kFailed));
}

TEST_CASE("an expedited fetch overtakes and tries for longer", "[origin]") {
  OriginLimits limits;
  limits.in_flight = 1;
  std::vector<Answer<Fetched>> answers(2);
  Fixture f({"r1"}, limits);
  for (uint32_t i = 0; i < 3; ++i) f.add("r1", i);
  f.get(0, f.a);  // takes the slot until it is verified
  f.origin.get(sample_ref(1), f.fetch(Priority::kPrefetch), answers[0].completion());
  f.origin.get(sample_ref(2), f.fetch(Priority::kPrefetch), answers[1].completion());
  f.origin.expedite(sample_ref(2), {f.timers.now() + seconds(90), Priority::kDemand, 1, {}});
  f.cpu.run_one();
  CHECK(f.reader.asked.back() == key_of("r1", sample_ref(2).id));
  f.cpu.run_all();
  CHECK(answers[0].good());
  CHECK(answers[1].good());
}

TEST_CASE("an expedited fetch keeps trying until the later deadline", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.go_away();
  f.get(1, f.a);
  f.origin.expedite(sample_ref(1), {f.timers.now() + seconds(90), Priority::kDemand, 1, {}});
  f.timers.advance(seconds(60));
  CHECK(f.a.times == 0);
  f.reader.come_back();
  f.run(f.a);
  CHECK(f.a.good());
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
