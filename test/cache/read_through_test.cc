#include "cache/read_through.h"

#include <catch2/catch.hpp>

#include "cache/memory_store.h"
#include "lib/base/units.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"

namespace thaw::read_through_test {
namespace {

// Answers late, always the same.
class SlowStore final : public ChunkStore {
 public:
  static constexpr auto kTakes = std::chrono::milliseconds(5);

  explicit SlowStore(Timers& timers) : timers_(timers) {}

  void find(const ChunkRef& /*ref*/, const Fetch& /*fetch*/,
            Completion<std::optional<SealedChunk>> done) override {
    timers_.call_at(timers_.now() + kTakes, [this, done = std::move(done)]() mutable { done(holds); });
  }
  void put(const SealedChunk& /*chunk*/) override {}
  void drop(const SealedChunk& /*chunk*/) override {}

  std::optional<SealedChunk> holds;

 private:
  Timers& timers_;
};

}  // namespace

TEST_CASE("a miss goes to the next tier and fills; a hit does not", "[read_through]") {
  TierCounters counters{};
  MemoryStore store({8 * kMiB}, counters);
  FakeSource next;
  ReadThrough tier(store, Tier::kMemory, next, counters);

  Answer<Fetched> first;
  tier.get(sample_ref(1), {}, first.completion());
  REQUIRE(next.pending.size() == 1);
  CHECK(first.times == 0);
  next.answer(sample_chunk(1));
  REQUIRE(first.good());
  CHECK(first.value().tier == Tier::kOrigin);

  Answer<Fetched> second;
  tier.get(sample_ref(1), {}, second.completion());
  REQUIRE(second.good());
  CHECK(second.value().tier == Tier::kMemory);
  CHECK(next.gets == 1);
  CHECK(counters.hits == 1);
  CHECK(counters.misses == 1);
  CHECK(counters.bytes == 8192);
}

TEST_CASE("an error of the next tier is passed on and fills nothing", "[read_through]") {
  TierCounters counters{};
  MemoryStore store({8 * kMiB}, counters);
  FakeSource next;
  ReadThrough tier(store, Tier::kMemory, next, counters);
  Answer<Fetched> answer;
  tier.get(sample_ref(1), {}, answer.completion());
  next.answer(Error{Code::kDamaged, "bad"});
  CHECK(answer.has(Code::kDamaged));
  CHECK(store.bytes() == 0);
}

TEST_CASE("a tier with a clock says how long its look-ups take", "[read_through]") {
  TierCounters counters{};
  ManualTimers timers;
  SlowStore store(timers);
  FakeSource next;
  ReadThrough tier(store, Tier::kZone, next, counters, &timers);
  Answer<Fetched> hit;
  store.holds = sample_chunk(1);
  tier.get(sample_ref(1), {}, hit.completion());
  CHECK(counters.in_flight == 1);
  timers.advance(SlowStore::kTakes);
  REQUIRE(hit.good());
  CHECK(hit.value().journey.spent_in(Tier::kZone) == 5000);
  CHECK(counters.latency.count() == 1);
  CHECK(counters.in_flight == 0);

  // A miss is told with what the next tier says, and is no latency of the tier.
  Answer<Fetched> miss;
  store.holds.reset();
  tier.get(sample_ref(2), {}, miss.completion());
  timers.advance(SlowStore::kTakes);
  Fetched below{sample_chunk(2), Tier::kOrigin};
  below.journey.spent_in(Tier::kOrigin) = 7;
  next.answer(below);
  REQUIRE(miss.good());
  CHECK(miss.value().journey.spent_in(Tier::kZone) == 5000);
  CHECK(miss.value().journey.spent_in(Tier::kOrigin) == 7);
  CHECK(counters.latency.count() == 1);
  CHECK(counters.in_flight == 0);
}

}  // namespace thaw::read_through_test
