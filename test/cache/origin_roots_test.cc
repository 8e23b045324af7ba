// Origin: which root is asked, how often, and who is asked for first.
#include <catch2/catch.hpp>

#include "test/cache/origin_fixture.h"

namespace thaw::origin_roots_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Fixture = OriginFixture;

}  // namespace

TEST_CASE("a mount's chunks are asked for where its last one lay", "[origin]") {
  Fixture f({"newest", "new", "old"});
  for (uint32_t i = 0; i < 10; ++i) {
    f.add("old", i);
    Answer<Fetched> answer;
    f.get(i, answer);
    f.cpu.run_all();
    CHECK(answer.good());
  }
  CHECK(f.reader.gets == 3 + 9);
  SECTION("also when there are other roots") {
    f.origin.set_roots({"newer still", "newest", "old"});
    f.add("old", 20);
    f.get(20, f.a);
    f.cpu.run_all();
    CHECK(f.a.good());
    CHECK(f.reader.gets == 3 + 9 + 1);
  }
  SECTION("and elsewhere once that root is gone") {
    f.origin.set_roots({"newer still", "newest"});
    f.add("newest", 20);
    f.get(20, f.a);
    f.cpu.run_all();
    CHECK(f.a.good());
  }
}

TEST_CASE("a chunk is not missing before the roots were read anew", "[origin]") {
  Fixture f({"gone"});
  f.get(1, f.a);
  f.timers.advance(seconds(3));
  CHECK(f.a.times == 0);
  SECTION("it lies in one that was not known") {
    f.add("copy", 1);
    f.origin.set_roots({"copy"});
    f.run(f.a);
    CHECK(f.a.good());
  }
  SECTION("it is nowhere") {
    f.origin.set_roots({"copy"});
    f.run(f.a);
    CHECK(f.a.has(Code::kNotFound));
  }
  SECTION("nobody reads them") {
    f.timers.advance(seconds(5));
    CHECK(f.a.has(Code::kNotFound));
  }
}

TEST_CASE("a root that answers short and one that lacks the chunk are not asked in a circle", "[origin]") {
  Fixture f({"short", "empty"});
  f.add("short", 1);
  f.reader.set_faults({.torn = 1000});
  f.get(1, f.a);
  f.cpu.run_all();
  CHECK(f.reader.gets <= 4);
  f.timers.advance(seconds(30));
  f.cpu.run_all();
  CHECK(f.reader.gets < 200);
}

TEST_CASE("a store that refuses is asked until the deadline, and counts as away", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.refuse();
  f.get(1, f.a);
  f.timers.advance(seconds(20));
  CHECK(f.a.times == 0);
  CHECK(f.origin.away_for() >= seconds(19));
  SECTION("it takes the next credentials") {
    f.reader.come_back();
    f.run(f.a);
    CHECK(f.a.good());
  }
  SECTION("it does not") {
    f.timers.advance(seconds(10));
    REQUIRE(f.a.has(Code::kTimedOut));
    CHECK(f.a.last->error().message.find("access denied") != std::string::npos);
  }
}

TEST_CASE("a store of which nobody wants anything is not away for ever", "[origin]") {
  Fixture f;
  f.reader.go_away();
  f.get(1, f.a);
  f.timers.advance(seconds(31));
  REQUIRE(f.a.has(Code::kTimedOut));
  CHECK(f.origin.away_since().has_value());
  f.timers.advance(seconds(31));
  CHECK_FALSE(f.origin.away_since().has_value());
  CHECK(f.origin.away_for() == Duration::zero());
}

TEST_CASE("what a reader's deadline cuts short is not the store's fault", "[origin]") {
  Fixture f;
  f.add("r1", 1);
  f.reader.set_faults({.lost = 1000});
  Fetch fetch = f.fetch();
  fetch.deadline = f.timers.now() + milliseconds(300);
  f.origin.get(sample_ref(1), fetch, f.a.completion());
  f.timers.advance(seconds(1));
  CHECK(f.a.has(Code::kTimedOut));
  CHECK_FALSE(f.origin.away_since().has_value());
  CHECK(f.origin.state().cap == OriginLimits{}.in_flight);
}

TEST_CASE("of a store whose answers are bad every second time all is read", "[origin]") {
  Fixture f;
  StoreFaults faults;
  faults.failed = 500;
  faults.latency = std::chrono::milliseconds(5);
  f.reader.set_faults(faults);
  constexpr size_t kReaders = 128;
  constexpr uint32_t kChunks = 2000;
  for (uint32_t i = 0; i < kChunks; ++i) f.add("r1", i);
  std::vector<Answer<Fetched>> answers(kChunks);
  uint32_t asked = 0;
  uint32_t answered = 0;
  while (answered < kChunks) {
    while (asked < kChunks && asked - answered < kReaders) {
      f.get(asked, answers.at(asked));
      ++asked;
    }
    f.cpu.run_all();
    REQUIRE(f.timers.run_next());
    f.cpu.run_all();
    answered = static_cast<uint32_t>(
        std::ranges::count_if(answers, [](const auto& answer) { return answer.times == 1; }));
  }
  CHECK(std::ranges::all_of(answers, [](const auto& answer) { return answer.good(); }));
}

TEST_CASE("a fetch that was raised before it came is as urgent as was said", "[origin]") {
  OriginLimits limits;
  limits.in_flight = limits.in_flight_background = limits.in_flight_per_mount = 1;
  Fixture f({"r1"}, limits);
  for (uint32_t i = 0; i < 5; ++i) f.add("r1", i);
  std::array<Answer<Fetched>, 5> answers;
  f.get(0, answers[0]);
  for (uint32_t i = 1; i < 4; ++i) {
    f.origin.get(sample_ref(i), f.fetch(Priority::kReadAhead, 2), answers.at(i).completion());
  }
  f.origin.expedite(sample_ref(4), f.fetch(Priority::kDemand, 3));
  f.origin.get(sample_ref(4), f.fetch(Priority::kPrefetch, 3), answers[4].completion());
  f.cpu.run_all();
  REQUIRE(f.reader.asked.size() > 1);
  CHECK(f.reader.asked.at(1) == origin_key("r1", sample_ref(4).id));
}

}  // namespace thaw::origin_roots_test
