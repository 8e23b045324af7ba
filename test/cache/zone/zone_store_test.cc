#include "cache/zone/zone_store.h"

#include <catch2/catch.hpp>

#include "lib/base/units.h"
#include "test/cache/zone/zone_fixture.h"

namespace thaw::zone_store_test {

TEST_CASE("the zone store keeps what every store keeps", "[zone_store]") {
  const RealNodes nodes;
  ZoneFixture zone(nodes.names());
  check_chunk_store(zone.store(), [&] { zone.settle(); });
}

TEST_CASE("replication and striping keep it too", "[zone_store]") {
  const RealNodes nodes(3);
  SECTION("1 + 2") {
    ZoneFixture zone(nodes.names(), patient_limits(), 1, 2);
    check_chunk_store(zone.store(), [&] { zone.settle(); });
  }
  SECTION("3 + 0") {
    ZoneFixture zone(nodes.names(), patient_limits(), 3, 0);
    check_chunk_store(zone.store(), [&] { zone.settle(); });
  }
}

TEST_CASE("whole chunks and odd lengths come back", "[zone_store]") {
  const RealNodes nodes;
  ZoneFixture zone(nodes.names());
  for (const uint32_t length : {524288U, 4096U, 8191U, 1U, 65537U}) {
    zone.fill(1, 3, length);
    CHECK(zone.hits(1, 3, length) == 3);
  }
  CHECK(zone.counters.shards_bad == 0);
  CHECK(zone.tier.errors == 0);
}

TEST_CASE("many readers at once are all answered", "[zone_store]") {
  const RealNodes nodes;
  ZoneFixture zone(nodes.names());
  zone.fill(0, 20, 65536);
  std::atomic<uint32_t> found = 0;
  std::atomic<uint32_t> answered = 0;
  constexpr uint32_t kReads = 2000;
  for (uint32_t i = 0; i < kReads; ++i) {
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(60), Priority::kDemand, i % 3, {}};
    zone.store().find(sample_ref(i % 20, 65536), fetch, [&](Result<std::optional<SealedChunk>> result) {
      if (result.ok() && result.value()) ++found;
      ++answered;
    });
  }
  zone.settle();
  CHECK(answered == kReads);
  CHECK(found == kReads);
}

TEST_CASE("the store is created only where it can work", "[zone_store]") {
  LoopThread loop;
  ThreadPool cpu(1);
  CpuQueue queue(cpu);
  TierCounters tier{};
  ZoneCounters counters{};
  const auto nodes = parse_zone_nodes({"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}).value();
  const auto created = ZoneStore::create({loop.loop(), queue, tier, counters, {cpu}, 1}, 4, 1, nodes);
  REQUIRE_FALSE(created.ok());
  CHECK(created.error().code == Code::kUsage);
  CHECK(created.error().message == "zone: 4 data and 1 parity shards need at least 5 nodes, and 3 are given");
}

TEST_CASE("after shut-down all is a miss, at once", "[zone_store]") {
  const RealNodes nodes;
  ZoneFixture zone(nodes.names());
  zone.fill(1, 1);
  zone.store().shut_down();
  CHECK(zone.hits(1, 1) == 0);
  zone.store().put(sample_chunk(2));
  zone.settle();
}

}  // namespace thaw::zone_store_test
