// What a worker's own hurry or business must not be taken for: a node that is late.
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "test/cache/zone/fake_node.h"
#include "test/cache/zone/zone_fixture.h"

namespace thaw::zone_blame_test {
namespace {

using Found = Result<std::optional<SealedChunk>>;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The first late reply would eject its node.
ZoneLimits strict(ZoneLimits limits = patient_limits()) {
  limits.health.least_replies = 1;
  limits.health.first_probe = std::chrono::hours(1);
  return limits;
}

std::future<Found> begin_find(ZoneStore& store, const ChunkRef& ref, Duration deadline = seconds(60)) {
  auto promise = std::make_shared<std::promise<Found>>();
  const Fetch fetch{steady_clock().now() + deadline, Priority::kDemand, 0, {}};
  store.find(ref, fetch, [promise](Found found) { promise->set_value(std::move(found)); });
  return promise->get_future();
}

bool is_hit(std::future<Found>& found) {
  const Found result = found.get();
  return result.ok() && result.value().has_value();
}

void spin_until(const std::function<bool()>& condition) {
  while (!condition()) std::this_thread::yield();
}

struct FakeZone {
  explicit FakeZone(const ZoneLimits& limits) : zone(names(), limits) {}
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const FakeNode& node : nodes) all.push_back(node.name());
    return all;
  }
  uint32_t replies() const {
    uint32_t sum = 0;
    for (const FakeNode& node : nodes) sum += node.replies;
    return sum;
  }
  std::array<FakeNode, 5> nodes;
  ZoneFixture zone;
};

}  // namespace

TEST_CASE("the nodes' time begins with a read's turn", "[zone_blame]") {
  ZoneLimits limits = strict();
  limits.read = seconds(1);
  limits.reads = {0, 0, 0};
  FakeZone test(limits);
  test.zone.fill(0, 1);
  auto found = begin_find(test.zone.store(), sample_ref(0));
  const TimePoint waited = steady_clock().now() + limits.read;
  spin_until([&] { return steady_clock().now() > waited; });
  limits.reads = Slots::caps(8);
  test.zone.store().set_limits(limits);
  CHECK(is_hit(found));
  CHECK(test.zone.counters.shards_late == 0);
}

TEST_CASE("a read whose turn does not come is a miss that no node is blamed for", "[zone_blame]") {
  ZoneLimits limits = strict();
  limits.reads = {0, 0, 0};
  Duration deadline = seconds(60);
  SECTION("within its limit") { limits.turn = milliseconds(10); }
  SECTION("before its deadline") { deadline = milliseconds(10); }
  FakeZone test(limits);
  test.zone.fill(0, 1);
  auto found = begin_find(test.zone.store(), sample_ref(0), deadline);
  REQUIRE(found.wait_for(seconds(20)) == std::future_status::ready);
  CHECK_FALSE(is_hit(found));
  CHECK(test.zone.counters.shards_late == 0);
  CHECK(test.zone.counters.ejections == 0);
  for (const FakeNode& node : test.nodes) CHECK(node.gets == 0);
  limits.reads = Slots::caps(8);
  test.zone.store().set_limits(limits);
  CHECK(test.zone.hits(0, 1) == 1);
}

TEST_CASE("a node that had less than its full time is not blamed", "[zone_blame]") {
  FakeZone test(strict());
  test.zone.fill(0, 1);
  for (FakeNode& node : test.nodes) node.tell(Lie::kSilence);
  auto found = begin_find(test.zone.store(), sample_ref(0), milliseconds(20));
  CHECK_FALSE(is_hit(found));
  test.zone.settle();
  CHECK(test.zone.counters.shards_late == 0);
  CHECK(test.zone.tier.errors == 0);
  CHECK(test.zone.counters.ejections == 0);
}

TEST_CASE("a node that had its full time is", "[zone_blame]") {
  ZoneLimits limits = strict();
  limits.read = milliseconds(20);
  FakeZone test(limits);
  for (FakeNode& node : test.nodes) node.tell(Lie::kSilence);
  auto found = begin_find(test.zone.store(), sample_ref(0));
  CHECK_FALSE(is_hit(found));
  test.zone.settle();
  CHECK(test.zone.counters.shards_late == 5);
  CHECK(test.zone.counters.ejections == 1);
}

TEST_CASE("replies that a busy loop has not read yet are not late", "[zone_blame]") {
  ZoneLimits limits = patient_limits();
  limits.read = milliseconds(50);
  FakeZone test(limits);
  EventLoop& loop = test.zone.loop();
  test.zone.fill(0, 1);
  const bool first = test.zone.hits(0, 1) == 1;  // its deadline is what the loop wakes for below
  test.zone.settle();
  const uint64_t late = test.zone.counters.shards_late;
  CAPTURE(first, late);

  // In one turn of the loop: the nodes are asked, answer, and the time of both reads passes.
  std::future<Found> found;
  const auto busy = [&](uint32_t replies) {
    const TimePoint until = loop.now() + limits.read;
    spin_until([&] { return loop.now() > until && test.replies() == replies; });
  };
  test.zone.run([&] {
    busy(10);  // of the fill and the first read
    found = begin_find(test.zone.store(), sample_ref(0));
    loop.post([&] { busy(15); });
  });
  CHECK(is_hit(found));
  test.zone.settle();
  CHECK(test.zone.counters.shards_late == late);
}

}  // namespace thaw::zone_blame_test
