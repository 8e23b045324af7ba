// Origin: what is in flight, what waits, and what is dropped.
#include <catch2/catch.hpp>

#include "test/cache/origin_fixture.h"

namespace thaw::origin_limits_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Fixture = OriginFixture;

}  // namespace

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
  CHECK(f.reader.asked.back() == origin_key("r1", sample_ref(20).id));
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
  CHECK(f.reader.asked.back() == origin_key("r1", sample_ref(2).id));
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

}  // namespace thaw::origin_limits_test
