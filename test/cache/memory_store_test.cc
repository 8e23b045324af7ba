#include "cache/memory_store.h"

#include <catch2/catch.hpp>

#include "lib/base/units.h"
#include "test/cache/chunk_store_conformance.h"

namespace thaw::memory_store_test {
namespace {

EvictionRule any_rule() { return GENERATE(EvictionRule::kS3Fifo, EvictionRule::kLruK); }

}  // namespace

TEST_CASE("the memory store keeps what every store keeps", "[memory_store]") {
  TierCounters counters{};
  MemoryStore store({64 * kMiB, any_rule()}, counters);
  check_chunk_store(store, [] {});
}

TEST_CASE("the memory store never takes more than its capacity", "[memory_store]") {
  TierCounters counters{};
  constexpr uint64_t kCapacity = 2 * kMiB;
  const PageArena arena;
  MemoryStore store({kCapacity, any_rule()}, counters, arena);
  size_t kept = 0;
  for (uint32_t i = 0; i < 600; ++i) {
    store.put(sample_chunk(i, 4096 * (1 + i % 5)));
    REQUIRE(store.bytes() <= kCapacity);
  }
  for (uint32_t i = 0; i < 600; ++i)
    kept += store.look_up(sample_ref(i, 4096 * (1 + i % 5))).has_value() ? 1 : 0;
  CHECK(kept > 100);
  CHECK(kept < 600);
  CHECK(store.bytes() > kCapacity / 2);
  CHECK(counters.evictions == 600 - kept);
}

TEST_CASE("a smaller capacity takes effect at once, a larger one too", "[memory_store]") {
  TierCounters counters{};
  const PageArena arena;
  MemoryStore store({8 * kMiB, any_rule()}, counters, arena);
  for (uint32_t i = 0; i < 200; ++i) store.put(sample_chunk(i));
  REQUIRE(store.bytes() > kMiB);
  store.set_capacity(kMiB);
  CHECK(store.bytes() <= kMiB);
  CHECK(store.bytes() > kMiB / 2);
  store.set_capacity(0);
  CHECK(store.bytes() == 0);
  store.put(sample_chunk(1));
  CHECK_FALSE(store.look_up(sample_ref(1)).has_value());
  store.set_capacity(8 * kMiB);
  store.put(sample_chunk(1));
  CHECK(store.look_up(sample_ref(1)).has_value());
}

TEST_CASE("the memory store gives way to what other buffers take", "[memory_store]") {
  TierCounters counters{};
  PageArena arena;
  MemoryStore store({24 * kMiB, any_rule()}, counters, arena);
  for (uint32_t i = 0; i < 400; ++i) store.put(sample_chunk(i));
  REQUIRE(store.bytes() > 3 * kMiB);
  uint8_t* others = arena.allocate(30 * kMiB);
  const uint64_t before = store.bytes();
  for (uint32_t i = 400; i < 1200; ++i) store.put(sample_chunk(i));
  CHECK(store.bytes() < before * 3 / 4);
  arena.free(others, 30 * kMiB);
  for (uint32_t i = 0; i < 400; ++i) store.put(sample_chunk(i));
  CHECK(store.bytes() > 3 * kMiB);
}

TEST_CASE("a smaller capacity holds for what lies between the chunks as well", "[memory_store]") {
  TierCounters counters{};
  const uint64_t before = buffer_arena().held_bytes();
  MemoryStore store({before + 256 * kMiB, any_rule()}, counters);
  for (uint32_t i = 0; i < 1200; ++i) store.put(sample_chunk(i, i % 8 == 0 ? 512 * 1024 : 128 * 1024));
  REQUIRE(store.bytes() > 128 * kMiB);
  // Of chunks of all ages: no two that go lie beside each other.
  for (uint32_t i = 0; i < 1200; i += 2)
    static_cast<void>(store.look_up(sample_ref(i, i % 8 == 0 ? 512 * 1024 : 128 * 1024)));
  store.set_capacity(before + 64 * kMiB);
  CHECK(buffer_arena().held_bytes() <= before + 64 * kMiB);
}

TEST_CASE("small chunks and what other buffers take are within the capacity together", "[memory_store]") {
  TierCounters counters{};
  PageArena arena;
  MemoryStore store({40 * kMiB, any_rule()}, counters, arena);
  const auto put = [&store](uint32_t first, uint32_t count) {
    for (uint32_t i = first; i < first + count; ++i) store.put(sample_chunk(i, 60 * 1024));
  };
  put(0, 1000);
  REQUIRE(store.bytes() > 30 * kMiB);
  uint8_t* others = arena.allocate(20 * kMiB);
  put(1000, 2500);
  CHECK(store.bytes() + arena.held_bytes() <= 42 * kMiB);
  arena.free(others, 20 * kMiB);
}

TEST_CASE("only the damaged copy is dropped, and counted", "[memory_store]") {
  TierCounters counters{};
  MemoryStore store({8 * kMiB, any_rule()}, counters);
  const SealedChunk damaged = sample_chunk(1);
  store.put(damaged);
  store.drop(damaged);
  CHECK(counters.errors == 1);
  store.put(sample_chunk(1));
  store.drop(damaged);  // another reader that held the old copy
  CHECK(store.look_up(sample_ref(1)).has_value());
  CHECK(counters.errors == 1);
}

}  // namespace thaw::memory_store_test
