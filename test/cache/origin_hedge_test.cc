// Origin's second requests, retry tokens and cap, over a store whose answers wait until the test gives them.
#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cache/origin.h"
#include "test/fakes/executors.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::origin_hedge_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Every get() stays pending until a test answers it.
class PendingReader final : public ObjectReader {
 public:
  struct Pending {
    std::string key;
    std::stop_token stop;
    Completion<Object> done;
  };

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override {
    asked.push_back({key, options.stop, std::move(done)});
  }
  void size_of(const std::string& /*key*/, Completion<uint64_t> done) override {
    done(Error{Code::kFailed, "not needed"});
  }
  void list(const ListOptions& /*options*/, Completion<std::vector<ListedObject>> done) override {
    done(Error{Code::kFailed, "not needed"});
  }

  std::vector<Pending> asked;
};

struct PendingFixture {
  explicit PendingFixture(OriginLimits limits = {})
      : origin({reader, queue, timers, counters,
                [](const std::string&, const ChunkId& id) { return id.hex(); }, 1},
               {"r1"}, limits) {}
  ~PendingFixture() {
    origin.shut_down();
    for (auto& pending : reader.asked) {
      if (pending.done) std::exchange(pending.done, {})(Error{Code::kCancelled, "the test has ended"});
    }
    cpu.run_all();
    while (timers.run_next()) cpu.run_all();
    CHECK(origin.state().in_flight == 0);
  }

  void get(uint32_t number, Answer<Fetched>& answer, Priority priority = Priority::kDemand) {
    const ChunkRef ref = sample_ref(number);
    chunks[ref.id.hex()] = sample_bytes(number, 8192);
    origin.get(ref, {timers.now() + seconds(30), priority, 1, {}}, answer.completion());
  }
  void give(size_t request, Result<Object> answer) {
    std::exchange(reader.asked.at(request).done, {})(std::move(answer));
    cpu.run_all();
  }
  void give_good(size_t request) {
    give(request, Object{Buffer::copy_of(chunks.at(reader.asked.at(request).key)), ""});
  }
  // So many requests that take 10 ms each.
  void learn(uint32_t requests = 128) {
    for (uint32_t i = 0; i < requests; ++i) {
      Answer<Fetched> answer;
      get(1000, answer);
      timers.advance(milliseconds(10));
      give_good(reader.asked.size() - 1);
      REQUIRE(answer.good());
    }
    reader.asked.clear();
  }

  ManualTimers timers;
  CpuQueue queue{cpu};
  ManualExecutor cpu;  // ends before its queue does
  PendingReader reader;
  std::map<std::string, Bytes> chunks;
  TierCounters counters{};
  Origin origin;
  Answer<Fetched> a;
  Answer<Fetched> b;
};

}  // namespace

TEST_CASE("a slow demand request gets a second one, and the first good answer wins", "[origin]") {
  PendingFixture f;
  f.learn();
  f.get(1, f.a);
  f.timers.advance(milliseconds(49));
  CHECK(f.reader.asked.size() == 1);
  f.timers.advance(milliseconds(1));
  REQUIRE(f.reader.asked.size() == 2);
  SECTION("the hedge's") {
    f.give_good(1);
    CHECK(f.origin.state().hedges_won == 1);
    CHECK(f.reader.asked[0].stop.stop_requested());
    CHECK(f.origin.state().in_flight == 1);
    f.give(0, Error{Code::kCancelled, "stopped"});
  }
  SECTION("the request's own") {
    f.give_good(0);
    CHECK(f.origin.state().hedges_won == 0);
    CHECK(f.reader.asked[1].stop.stop_requested());
    f.give_good(1);
  }
  SECTION("when the other's is bad") {
    f.give(0, Error{Code::kUnreachable, "reset"});
    CHECK(f.a.times == 0);
    CHECK(f.origin.state().in_flight == 1);
    f.give_good(1);
    CHECK(f.origin.state().retries == 0);
  }
  CHECK(f.a.good());
  CHECK(f.a.times == 1);
  CHECK(f.origin.state().hedges == 1);
  CHECK(f.origin.state().in_flight == 0);
  CHECK(f.origin.open() == 0);
  CHECK(f.counters.hits == 129);
}

TEST_CASE("when both answers are bad the fetch is tried again", "[origin]") {
  PendingFixture f;
  f.learn();
  f.get(1, f.a);
  f.timers.advance(milliseconds(50));
  f.give(1, Error{Code::kUnreachable, "reset"});
  f.give(0, Object{Buffer::copy_of(Bytes(8192, 7)), ""});
  REQUIRE(f.reader.asked.size() == 3);
  f.give_good(2);
  CHECK(f.a.good());
  CHECK(f.origin.state().retries == 1);
}

TEST_CASE("what is only read ahead is not hedged until a reader waits for it", "[origin]") {
  PendingFixture f;
  f.learn();
  f.get(1, f.a, Priority::kReadAhead);
  f.timers.advance(seconds(1));
  CHECK(f.reader.asked.size() == 1);
  f.origin.expedite(sample_ref(1), {f.timers.now() + seconds(30), Priority::kDemand, 1, {}});
  f.timers.advance(milliseconds(0));
  CHECK(f.reader.asked.size() == 2);
}

TEST_CASE("a hedge keeps to its budget, and is not sent for what was answered", "[origin]") {
  std::vector<Answer<Fetched>> answers(20);
  PendingFixture f;
  f.learn();
  for (uint32_t i = 0; i < 20; ++i) f.get(i, answers[i]);
  f.give(0, Error{Code::kCancelled, "no"});
  f.timers.advance(seconds(1));
  CHECK(f.origin.state().hedges == 3);  // one to begin with, and 148 / 50
  CHECK(f.reader.asked.size() == 23);
}

TEST_CASE("a hedge needs a free request", "[origin]") {
  OriginLimits limits;
  limits.in_flight = 1;
  PendingFixture f(limits);
  f.learn();
  f.get(1, f.a);
  f.timers.advance(seconds(1));
  CHECK(f.reader.asked.size() == 1);
}

TEST_CASE("shutting down leaves neither a request nor its hedge behind", "[origin]") {
  PendingFixture f;
  f.learn();
  f.get(1, f.a);
  f.timers.advance(milliseconds(50));
  REQUIRE(f.reader.asked.size() == 2);
  f.origin.shut_down();
  CHECK(f.a.has(Code::kCancelled));
  f.give_good(0);
  CHECK(f.origin.state().in_flight == 1);
  f.give_good(1);
  CHECK(f.origin.state().in_flight == 0);
}

TEST_CASE("overload lowers the cap, answers raise it", "[origin]") {
  std::vector<Answer<Fetched>> answers(70);
  PendingFixture f;
  for (uint32_t i = 0; i < 48; ++i) f.get(i, answers[i]);
  CHECK(f.origin.state().in_flight == 48);
  for (size_t i = 0; i < 48; ++i) f.give(i, Error{Code::kUnreachable, "HTTP status 503"});
  CHECK(f.origin.state().cap == 44);
  f.timers.advance(seconds(3));
  CHECK(f.reader.asked.size() > 48);
  CHECK(f.origin.state().in_flight <= 33);  // a mount's share
  for (size_t i = 48; i < f.reader.asked.size(); ++i) f.give(i, Error{Code::kCancelled, "no"});
  f.learn(500);
  CHECK(f.origin.state().cap > 50);
}

TEST_CASE("without tokens fetches wait and probe, and go on once the store answers", "[origin]") {
  OriginLimits limits;
  limits.tokens.most = 5;
  std::vector<Answer<Fetched>> answers(40);
  PendingFixture f(limits);
  for (uint32_t i = 0; i < 40; ++i) f.get(i, answers[i]);
  size_t given = 0;
  const auto refuse_all = [&] {
    while (given < f.reader.asked.size()) f.give(given++, Error{Code::kUnreachable, "refused"});
  };
  for (int i = 0; i < 200; ++i) {
    refuse_all();
    f.timers.advance(milliseconds(100));
  }
  // 40 first requests, 5 tokens, two probes a second for 20 s.
  CHECK(f.origin.state().retries > 25);
  CHECK(f.origin.state().retries <= 46);
  for (int i = 0; i < 70; ++i) {
    while (given < f.reader.asked.size()) f.give_good(given++);
    f.timers.advance(milliseconds(100));
  }
  for (const Answer<Fetched>& answer : answers) CHECK(answer.good());
}

}  // namespace thaw::origin_hedge_test
