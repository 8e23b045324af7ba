#include "lib/image/nearby_reads.h"

#include <catch2/catch.hpp>

#include <set>

#include "test/fakes/fake_source.h"
#include "test/fakes/manual_timers.h"
#include "test/fakes/sample_chunks.h"
#include "test/lib/image/numbered_map.h"

namespace thaw::nearby_reads_test {
namespace {

using std::chrono::milliseconds;

// Chunk 7 * i (modulo 100) is the i-th by path.
std::vector<uint32_t> scattered() {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < 100; ++i) order.push_back(7 * i % 100);
  return order;
}

struct Nearby {
  Nearby() { reads->learn(scattered()); }

  // What a miss made it ask for; answered, after `took`.
  std::set<uint32_t> miss(uint32_t place, Duration took) {
    reads->read(place);
    reads->missed(place, {});
    std::set<uint32_t> asked;
    for (const auto& pending : source.pending) asked.insert(number_of(pending.ref));
    timers.advance(took);
    while (!source.pending.empty()) source.answer(sample);
    return asked;
  }
  void warm_up(Duration took) {
    for (uint32_t i = 0; i < 5; ++i) miss(7 * (10 + 3 * i) % 100, took);
  }

  SealedChunk sample = sample_chunk(1, 4096);
  ManualTimers timers;
  ReadAheadBudget budget{{.bytes = uint64_t{64} * kNumberedChunk}};
  FakeSource source;
  ImageCounters counters{};
  std::shared_ptr<NearbyReads> reads =
      std::make_shared<NearbyReads>(numbered_map(100), AheadParts{source, budget, counters}, timers);
};

std::set<uint32_t> by_path(std::initializer_list<uint32_t> ranks) {
  std::set<uint32_t> places;
  for (const uint32_t rank : ranks) places.insert(7 * rank % 100);
  return places;
}

}  // namespace

TEST_CASE("a miss from afar asks for what lies beside its path, each once", "[nearby_reads]") {
  Nearby f;
  f.warm_up(milliseconds(30));
  CHECK(f.miss(7 * 50 % 100, milliseconds(30)) == by_path({46, 47, 48, 49, 51, 52, 53, 54}));
  CHECK(f.miss(7 * 51 % 100, milliseconds(30)) == by_path({55, 50}));
  CHECK(f.budget.used() == 0);
}

TEST_CASE("where misses are quick, only some are accompanied", "[nearby_reads]") {
  Nearby f;
  f.warm_up(milliseconds(1));
  size_t asked = 0;
  for (uint32_t rank = 40; rank < 90; rank += 5) asked += f.miss(7 * rank % 100, milliseconds(1)).size();
  CHECK(asked == 0);
}

TEST_CASE("guesses that nobody reads end, and those that are read go on", "[nearby_reads]") {
  const auto guesses_of = [](bool read_them) {
    Nearby f;
    size_t asked = 0;
    for (int round = 0; round < 40; ++round) {
      for (uint32_t rank = 2; rank < 100; rank += 5) {
        const std::set<uint32_t> places = f.miss(7 * rank % 100, milliseconds(30));
        asked += places.size();
        for (const uint32_t place : places) {
          if (read_them) f.reads->read(place);
        }
      }
    }
    return asked;
  };
  CHECK(guesses_of(false) <= 64 + 40 * 20 / NearbyReads::kProbeEach);
  CHECK(guesses_of(true) > 1000);
}

TEST_CASE("without an order, or beyond the budget, nothing is asked for", "[nearby_reads]") {
  Nearby f;
  SECTION("no order") {
    f.reads = std::make_shared<NearbyReads>(numbered_map(100), AheadParts{f.source, f.budget, f.counters},
                                            f.timers);
    CHECK(f.miss(7, milliseconds(30)).empty());
  }
  SECTION("no budget") {
    REQUIRE(f.budget.take(uint64_t{64} * kNumberedChunk));
    CHECK(f.miss(7, milliseconds(30)).empty());
  }
}

TEST_CASE("guesses that the budget has no room for cost no credit", "[nearby_reads]") {
  Nearby f;
  f.warm_up(milliseconds(30));
  f.budget.set_limits({.bytes = 0, .chunks = 0});
  for (int round = 0; round < 3; ++round) {
    for (uint32_t rank = 0; rank < 50; ++rank) CHECK(f.miss(7 * rank % 100, milliseconds(30)).empty());
  }
  f.budget.set_limits({.bytes = uint64_t{64} * kNumberedChunk, .chunks = 64});
  CHECK(f.miss(7 * 70 % 100, milliseconds(30)) == by_path({66, 67, 68, 69, 71, 72, 73, 74}));
}

TEST_CASE("an order that is wrong does no harm", "[nearby_reads]") {
  Nearby f;
  f.reads =
      std::make_shared<NearbyReads>(numbered_map(100), AheadParts{f.source, f.budget, f.counters}, f.timers);
  f.reads->learn({5, 5, 0xFFFFFFFF, 100, 6, 5});
  CHECK(f.miss(5, milliseconds(30)) == std::set<uint32_t>{6});
  CHECK(f.miss(99, milliseconds(30)).empty());
}

}  // namespace thaw::nearby_reads_test
