#include "cache/read_through.h"

#include <catch2/catch.hpp>

#include "cache/memory_store.h"
#include "lib/base/units.h"
#include "test/fakes/fake_source.h"
#include "test/fakes/sample_chunks.h"

namespace thaw {

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

}  // namespace thaw
