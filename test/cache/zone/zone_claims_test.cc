#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "test/cache/zone/zone_fixture.h"

namespace thaw::zone_claims_test {
namespace {

using Found = Result<std::optional<SealedChunk>>;

ZoneLimits waiting(Duration wait) {
  ZoneLimits limits = patient_limits();
  limits.claim_wait = wait;
  limits.first_look = std::chrono::milliseconds(1);
  return limits;
}

Fetch fetch_of(Priority priority) {
  return {steady_clock().now() + std::chrono::seconds(60), priority, 0, {}};
}

std::future<Found> begin_find(ZoneFixture& zone, const ChunkRef& ref,
                              const Fetch& fetch = fetch_of(Priority::kDemand)) {
  auto promise = std::make_shared<std::promise<Found>>();
  zone.store().find(ref, fetch, [promise](Found found) { promise->set_value(std::move(found)); });
  return promise->get_future();
}

}  // namespace

TEST_CASE("what all lack one worker fetches, and the others wait for its fill", "[zone_claims]") {
  const RealNodes nodes;
  ZoneFixture first(nodes.names(), waiting(std::chrono::seconds(60)));
  ZoneFixture second(nodes.names(), waiting(std::chrono::seconds(60)));
  CHECK(first.hits(1, 1) == 0);
  CHECK(first.counters.claims_won == 1);

  auto found = begin_find(second, sample_ref(1));
  while (second.counters.claims_lost == 0) std::this_thread::yield();
  first.fill(1, 1);
  const Found result = found.get();
  REQUIRE(result.ok());
  CHECK(result.value().has_value());
  CHECK(second.counters.claims_filled == 1);
  CHECK(second.counters.claims_won == 0);
}

TEST_CASE("a fill that does not come is waited for no longer than the limit", "[zone_claims]") {
  const RealNodes nodes;
  ZoneFixture first(nodes.names(), waiting(std::chrono::milliseconds(20)));
  ZoneFixture second(nodes.names(), waiting(std::chrono::milliseconds(20)));
  CHECK(first.hits(1, 1) == 0);
  CHECK(second.hits(1, 1) == 0);
  CHECK(second.counters.claims_lost == 1);
  CHECK(second.counters.claims_filled == 0);
}

TEST_CASE("who may not write claims nothing, so that nobody waits for it", "[zone_claims]") {
  const RealNodes nodes;
  ZoneLimits none = waiting(std::chrono::seconds(60));
  none.node_write_rate = 1;
  ZoneFixture first(nodes.names(), none);
  ZoneFixture second(nodes.names(), waiting(std::chrono::seconds(60)));
  CHECK(first.hits(1, 1) == 0);
  CHECK(first.counters.claims_won == 0);
  CHECK(second.hits(1, 1) == 0);
  CHECK(second.counters.claims_won == 1);
}

TEST_CASE("who waits holds up nobody, and shut-down ends it", "[zone_claims]") {
  const RealNodes nodes;
  ZoneLimits limits = waiting(std::chrono::seconds(60));
  limits.reads = {1, 1, 1};
  ZoneFixture first(nodes.names(), limits);
  ZoneFixture second(nodes.names(), limits);
  first.fill(2, 1);
  CHECK(first.hits(1, 1) == 0);
  auto found = begin_find(second, sample_ref(1));
  while (second.counters.claims_lost == 0) std::this_thread::yield();
  CHECK(second.hits(2, 1) == 1);
  second.store().shut_down();
  const Found result = found.get();
  REQUIRE(result.ok());
  CHECK_FALSE(result.value().has_value());
}

TEST_CASE("what waits for a slot starts when the limit is raised", "[zone_claims]") {
  const RealNodes nodes;
  ZoneLimits limits = waiting(std::chrono::seconds(60));
  limits.reads = {0, 0, 0};
  limits.read = std::chrono::seconds(60);
  ZoneFixture zone(nodes.names(), limits);
  zone.fill(0, 1);
  auto found = begin_find(zone, sample_ref(0));
  limits.reads = Slots::caps(8);
  zone.store().set_limits(limits);
  const Found result = found.get();
  REQUIRE(result.ok());
  CHECK(result.value().has_value());
}

TEST_CASE("a reader who joins a prefetch that waits for a slot raises it", "[zone_claims]") {
  const RealNodes nodes;
  ZoneLimits limits = waiting(std::chrono::seconds(60));
  limits.turn = std::chrono::seconds(60);
  limits.reads = {8, 0, 8};
  ZoneFixture zone(nodes.names(), limits);
  zone.fill(0, 2);
  auto found = begin_find(zone, sample_ref(0), fetch_of(Priority::kPrefetch));
  auto other = begin_find(zone, sample_ref(1), fetch_of(Priority::kPrefetch));
  zone.store().expedite(sample_ref(0), fetch_of(Priority::kDemand));
  const Found result = found.get();
  REQUIRE(result.ok());
  CHECK(result.value().has_value());
  CHECK(other.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  zone.store().shut_down();
  CHECK_FALSE(other.get().value().has_value());
}

TEST_CASE("nodes that are down are no reason to claim anything", "[zone_claims]") {
  RealNodes nodes;
  ZoneFixture zone(nodes.names());
  for (const auto& node : nodes.nodes) node->kill();
  CHECK(zone.hits(1, 1) == 0);
  CHECK(zone.counters.claims_won + zone.counters.claims_lost == 0);
}

TEST_CASE("a fleet that starts one image fetches each chunk about once", "[zone_claims]") {
  constexpr uint32_t kWorkers = 200;
  constexpr uint32_t kChunks = 25;
  const RealNodes nodes;
  std::vector<std::unique_ptr<ZoneFixture>> zones;
  for (uint32_t i = 0; i < kWorkers; ++i) {
    zones.push_back(std::make_unique<ZoneFixture>(nodes.names(), waiting(std::chrono::seconds(60))));
  }
  std::atomic<uint32_t> fetched = 0;
  std::vector<std::thread> workers;
  for (const auto& zone : zones) {
    workers.emplace_back([&] {
      for (uint32_t i = 0; i < kChunks; ++i) {
        const Found found = begin_find(*zone, sample_ref(i)).get();
        if (found.ok() && found.value()) continue;
        ++fetched;
        zone->store().put(sample_chunk(i));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(fetched >= kChunks);
  CHECK(fetched <= kChunks * 12 / 10);
}

}  // namespace thaw::zone_claims_test
