#include <catch2/catch.hpp>
#include <thread>

#include "cache/zone/zone_store.h"
#include "test/cache/zone/black_hole.h"
#include "test/cache/zone/fake_node.h"
#include "test/cache/zone/zone_fixture.h"

namespace thaw::zone_faults_test {
namespace {

// A node that was ejected is not asked again while the test runs.
ZoneLimits no_probes(ZoneLimits limits = patient_limits()) {
  limits.health.first_probe = std::chrono::hours(1);
  limits.health.longest_probe = std::chrono::hours(1);
  return limits;
}

// Four real nodes and one that lies.
struct LyingZone {
  explicit LyingZone(const ZoneLimits& limits = no_probes()) : nodes(4), zone(names(), limits) {}
  std::vector<std::string> names() const {
    std::vector<std::string> all = nodes.names();
    all.push_back(liar.name());
    return all;
  }
  RealNodes nodes;
  FakeNode liar;
  ZoneFixture zone;
};

}  // namespace

TEST_CASE("a node is killed: reads go on, from the parity", "[zone_faults]") {
  RealNodes nodes;
  ZoneFixture zone(nodes.names(), no_probes());
  zone.fill(0, 50);
  nodes.nodes[2]->kill();
  CHECK(zone.hits(0, 50) == 50);
  CHECK(zone.hits(0, 50) == 50);
  CHECK(zone.counters.rebuilt > 0);
  CHECK(zone.counters.ejections == 1);
  CHECK(zone.counters.nodes_out == 1);
}

TEST_CASE("a node is frozen: no read waits for it", "[zone_faults]") {
  RealNodes nodes;
  // A read that did wait would run into this limit, and be a miss.
  ZoneLimits limits = no_probes();
  limits.read = std::chrono::hours(1);
  limits.node.stalled = std::chrono::hours(1);
  auto zone = std::make_unique<ZoneFixture>(nodes.names(), limits);
  zone->fill(0, 100);
  nodes.nodes[4]->freeze();
  CHECK(zone->hits(0, 100) == 100);
  CHECK(zone->counters.shards_late == 0);  // not even its deadline has come
  nodes.nodes[4]->thaw();
}

TEST_CASE("a frozen node is ejected, and comes back once it answers", "[zone_faults]") {
  RealNodes nodes;
  ZoneLimits limits = patient_limits();
  limits.read = std::chrono::milliseconds(100);
  limits.node.stalled = std::chrono::milliseconds(100);
  limits.health.first_probe = std::chrono::milliseconds(10);
  limits.health.longest_probe = std::chrono::milliseconds(50);
  ZoneFixture zone(nodes.names(), limits);
  zone.fill(0, 30);
  nodes.nodes[1]->freeze();
  while (zone.counters.ejections == 0) zone.hits(0, 30);
  CHECK(zone.counters.nodes_out == 1);
  nodes.nodes[1]->thaw();
  while (zone.counters.readmissions == 0) zone.hits(0, 30);
  CHECK(zone.hits(0, 30) == 30);
}

TEST_CASE("two nodes down: a miss, and no more than one is ejected", "[zone_faults]") {
  RealNodes nodes;
  ZoneFixture zone(nodes.names(), no_probes());
  zone.fill(0, 30);
  nodes.nodes[0]->kill();
  nodes.nodes[3]->kill();
  CHECK(zone.hits(0, 30) == 0);
  CHECK(zone.hits(0, 30) == 0);
  CHECK(zone.counters.ejections == 1);
  nodes.nodes[0]->start();
  nodes.nodes[3]->start();
}

TEST_CASE("a node that was restarted empty gets its shards back", "[zone_faults]") {
  RealNodes nodes;
  ZoneFixture zone(nodes.names(), no_probes());
  zone.fill(0, 10);
  nodes.nodes[2]->kill();
  nodes.nodes[2]->start();
  // The first read of each connection finds it closed, which is an error and repairs nothing.
  while (zone.counters.repairs < 10) {
    CHECK(zone.hits(0, 10) == 10);
    zone.settle();
  }
  const uint64_t missing = zone.counters.shards_missing;
  CHECK(zone.hits(0, 10) == 10);
  zone.settle();
  CHECK(zone.counters.shards_missing == missing);
  nodes.nodes[0]->kill();  // now the repaired shards are needed
  CHECK(zone.hits(0, 10) == 10);
}

TEST_CASE("all nodes are restarted, each when the one before holds 99 % again", "[zone_faults]") {
  constexpr uint32_t kChunks = 200;
  RealNodes nodes;
  ZoneLimits limits = patient_limits();
  limits.health.first_probe = std::chrono::milliseconds(10);
  limits.health.longest_probe = std::chrono::milliseconds(50);
  ZoneFixture zone(nodes.names(), limits);
  zone.fill(0, kChunks);
  uint32_t reads = 0;
  uint32_t misses = 0;
  const auto read_all = [&] {
    for (uint32_t i = 0; i < kChunks; ++i) {
      ++reads;
      if (zone.hits(i, 1) == 1) continue;
      ++misses;  // it is fetched from the store, and put
      zone.store().put(sample_chunk(i));
    }
    zone.settle();
  };
  for (const auto& node : nodes.nodes) {
    CHECK(node->items() >= kChunks);  // a shard of each, and the claim of one that was missed just now
    node->kill();
    read_all();  // while it is away
    node->start();
    while (node->items() * 100 < kChunks * 99) read_all();
  }
  CAPTURE(reads, misses);
  CHECK(zone.counters.repairs >= 5 * kChunks * 99 / 100);
  CHECK(misses * 100 <= reads * 2);
}

TEST_CASE("whatever a node says, no wrong byte, and it is ejected", "[zone_faults]") {
  const Lie lie =
      GENERATE(Lie::kOtherChunk, Lie::kFlippedHeader, Lie::kFlippedPayload, Lie::kForged, Lie::kShort,
               Lie::kLong, Lie::kHuge, Lie::kCut, Lie::kGarbage, Lie::kWrongOpaque, Lie::kEndless);
  CAPTURE(static_cast<int>(lie));
  LyingZone test;
  test.zone.fill(0, 40);
  test.liar.tell(lie);
  CHECK(test.zone.hits(0, 40) == 40);
  test.zone.settle();
  CHECK(test.zone.hits(0, 40) == 40);
  CHECK(test.zone.counters.ejections == 1);
  CHECK(test.zone.tier.errors > 0);
  const uint32_t gets = test.liar.gets;
  CHECK(test.zone.hits(0, 40) == 40);
  CHECK(test.liar.gets == gets);
}

TEST_CASE("bad shards are deleted and written again", "[zone_faults]") {
  ZoneLimits limits = no_probes();
  limits.health.least_replies = 1000;  // not ejected meanwhile
  LyingZone test(limits);
  test.zone.fill(0, 5);
  test.liar.tell(Lie::kForged);
  const uint32_t sets = test.liar.sets;
  while (test.zone.counters.repairs < 5) {
    CHECK(test.zone.hits(0, 5) == 5);
    test.zone.settle();
  }
  CHECK(test.liar.sets >= sets + 5);
  CHECK(test.liar.removes >= 5);
  CHECK(test.zone.counters.shards_bad >= 5);
  test.liar.tell(Lie::kNone);
  const uint64_t bad = test.zone.counters.shards_bad;
  CHECK(test.zone.hits(0, 5) == 5);
  test.zone.settle();
  CHECK(test.zone.counters.shards_bad == bad);
}

TEST_CASE("without parity, a lie is a miss", "[zone_faults]") {
  const RealNodes nodes(3);
  FakeNode liar;
  std::vector<std::string> names = nodes.names();
  names.push_back(liar.name());
  ZoneFixture zone(names, no_probes(), 4, 0);
  zone.fill(0, 10);
  liar.tell(GENERATE(Lie::kForged, Lie::kFlippedPayload, Lie::kOtherChunk));
  CHECK(zone.hits(0, 10) == 0);
  CHECK(zone.counters.ejections == 0);  // no more are out than there are parity shards
  liar.tell(Lie::kNone);
  zone.settle();
  CHECK(zone.hits(0, 10) == 10);  // a miss deletes nothing
}

TEST_CASE("a node that never answers costs a fixed number of requests", "[zone_faults]") {
  ZoneLimits limits = no_probes();
  limits.read = std::chrono::hours(1);
  limits.node.stalled = std::chrono::hours(1);
  limits.node.reads_per_connection = 8;
  LyingZone test(limits);
  test.zone.fill(0, 100);
  test.liar.tell(Lie::kSilence);
  const uint32_t gets = test.liar.gets;
  CHECK(test.zone.hits(0, 100) == 100);
  CHECK(test.liar.gets <= gets + 16);
}

TEST_CASE("while nodes that swallow everything are tried again, no read waits for them", "[zone_faults]") {
  const BlackHole node;
  ZoneLimits limits = no_probes();
  limits.node.first_reconnect = limits.node.longest_reconnect = Duration::zero();
  ZoneFixture zone({node.name()}, limits, 1, 0);
  // For as long as it takes to connect.
  CHECK(zone.hits(0, 1) == 0);
  CHECK(zone.hits(1, 1) == 0);
  CHECK(zone.answers_at_once(100));
  zone.settle();
}

TEST_CASE("of more frozen nodes than there is parity, no read waits for long", "[zone_faults]") {
  RealNodes nodes;
  ZoneLimits limits = no_probes();
  limits.read = std::chrono::milliseconds(50);
  limits.node.stalled = std::chrono::milliseconds(50);
  limits.node.first_reconnect = limits.node.longest_reconnect = Duration::zero();
  ZoneFixture zone(nodes.names(), limits);
  zone.fill(0, 10);
  for (const size_t i : {1, 3}) nodes.nodes[i]->freeze();
  // Until each connection has stood still once. Connecting anew succeeds: that is the kernel's doing.
  CHECK(zone.hits(0, 10) == 0);
  CHECK(zone.hits(0, 10) == 0);
  CHECK(zone.answers_at_once(0));
  std::this_thread::sleep_for(limits.node.stalled * 2);
  CHECK(zone.answers_at_once(1));
  for (const size_t i : {1, 3}) nodes.nodes[i]->thaw();
  while (zone.hits(0, 10) < 10) {
  }
  zone.settle();
}

TEST_CASE("nodes change while they are read", "[zone_faults]") {
  const RealNodes nodes(8);
  std::vector<std::string> names = nodes.names();
  ZoneFixture zone({names.begin(), names.begin() + 7});
  zone.fill(0, 100);
  REQUIRE(zone.hits(0, 100) == 100);

  // One leaves: what it held comes from the parity, and goes to the node in its place.
  names.erase(names.begin());
  names.pop_back();
  REQUIRE(zone.store().set_nodes(parse_zone_nodes(names).value()).ok());
  CHECK(zone.hits(0, 100) > 60);
  zone.settle();
  CHECK(zone.store().set_nodes(parse_zone_nodes({names.begin(), names.begin() + 4}).value()).error().code ==
        Code::kUsage);

  // Reads under way when all nodes change are answered all the same.
  std::atomic<uint32_t> answered = 0;
  for (uint32_t i = 0; i < 500; ++i) {
    const Fetch fetch{steady_clock().now() + std::chrono::seconds(60), Priority::kDemand, 0, {}};
    zone.store().find(sample_ref(i % 100), fetch, [&](Result<std::optional<SealedChunk>> result) {
      if (result.ok()) ++answered;
    });
    if (i % 50 == 0) REQUIRE(zone.store().set_nodes(parse_zone_nodes(nodes.names()).value()).ok());
    if (i % 50 == 25) REQUIRE(zone.store().set_nodes(parse_zone_nodes(names).value()).ok());
  }
  zone.settle();
  CHECK(answered == 500);
}

TEST_CASE("fills beyond a limit are dropped and counted", "[zone_faults]") {
  const RealNodes nodes;
  SECTION("bytes under way") {
    ZoneLimits limits = patient_limits();
    limits.write_bytes = 64 * 1024;
    ZoneFixture zone(nodes.names(), limits);
    for (uint32_t i = 0; i < 100; ++i) zone.store().put(sample_chunk(i, 32768));
    zone.settle();
    CHECK(zone.counters.fills + zone.counters.fills_dropped == 100);
    CHECK(zone.counters.fills_dropped > 0);
    CHECK(zone.hits(0, 100, 32768) == zone.counters.fills);
  }
  SECTION("a node's rate") {
    ZoneLimits limits = patient_limits();
    limits.node_write_rate = 400'000;  // at once: a quarter of it, some 12 shards of 8 KiB
    ZoneFixture zone(nodes.names(), limits);
    zone.fill(0, 100, 32768);
    CHECK(zone.counters.fills >= 12);
    CHECK(zone.counters.fills_dropped > 0);
    CHECK(zone.counters.fills + zone.counters.fills_dropped == 100);
  }
  SECTION("a node's rate, as it was changed") {
    ZoneLimits limits = patient_limits();
    ZoneFixture zone(nodes.names(), limits);
    limits.node_write_rate = 400'000;
    zone.store().set_limits(limits);
    zone.fill(0, 100, 32768);
    CHECK(zone.counters.fills_dropped > 0);
    limits.node_write_rate = 1'000'000'000;
    zone.store().set_limits(limits);
    const uint64_t fills = zone.counters.fills;
    // What the new rate allows at once is there after a moment.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    zone.fill(100, 50, 32768);
    CHECK(zone.counters.fills == fills + 50);
  }
}

}  // namespace thaw::zone_faults_test
