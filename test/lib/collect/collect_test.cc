#include "lib/collect/collect.h"

#include <filesystem>

#include "lib/collect/alarms.h"
#include "test/lib/collect/collect_fixture.h"

namespace thaw::collect_test {
namespace {

std::vector<CollectAction> actions_of(const CollectReport& report) {
  std::vector<CollectAction> actions;
  for (const CollectStep& step : report.steps) actions.push_back(step.action);
  return actions;
}

}  // namespace

TEST_CASE("collection does nothing while all is used", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  const auto report = collect(room, {}, {});
  REQUIRE(report.ok());
  CHECK((report->steps.empty() && report->waiting.empty()));
}

TEST_CASE("collection goes as far as the waits allow, and on with the next run", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  REQUIRE(fixture.build(MemoryDevice({4, 6}), "gone").ok());
  REQUIRE(fixture.remove_name("gone").ok());
  CollectRoom room = fixture.room();
  const auto first = collect(room, {}, {});
  REQUIRE(first.ok());
  CHECK(actions_of(first.value()) == std::vector{CollectAction::kCreate, CollectAction::kRetire});
  REQUIRE(first->waiting.size() == 1);
  CHECK((first->waiting[0].wait_seconds > 6 * 24 * 3600 && first->waiting[0].root == "1"));
  CHECK(collect(room, {}, {})->steps.empty());

  const CollectPolicy at_once{std::chrono::seconds(0)};
  auto planned = plan_collection(room, at_once);
  REQUIRE(planned->size() == 1);
  CHECK(planned->front().action == CollectAction::kExpire);
  const auto second = collect(room, at_once, {});
  REQUIRE(second.ok());
  CHECK(actions_of(second.value()) == std::vector{CollectAction::kExpire, CollectAction::kDelete});
  CHECK(second->steps[1].report.removed == 3 + 2 * 3);
  CHECK(collect(room, at_once, {})->steps.empty());
  CHECK(fixture.is_whole("web"));
  CHECK(fixture.keys_in("roots/2/chunks/").size() == 2);
}

TEST_CASE("a generation begins when enough of the images are used by nothing", "[collect]") {
  CollectFixture fixture;
  for (unsigned n = 0; n < 4; ++n)
    REQUIRE(fixture.build(MemoryDevice({n, n + 1}), "web-" + std::to_string(n)).ok());
  REQUIRE(fixture.remove_name("web-0").ok());
  CollectRoom room = fixture.room();
  CollectPolicy policy{std::chrono::seconds(0), 26};
  const auto waits = collect(room, policy, {});
  REQUIRE(waits.ok());
  CHECK(waits->steps.empty());
  REQUIRE(waits->waiting.size() == 1);
  CHECK(waits->waiting[0].why.find("gc.begin_percent") != std::string::npos);
  policy.begin_percent = 25;
  CHECK(actions_of(collect(room, policy, {}).value()) ==
        std::vector{CollectAction::kCreate, CollectAction::kRetire, CollectAction::kExpire,
                    CollectAction::kDelete});
}

TEST_CASE("leases of workers that are gone are removed, long after they lapsed", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  const Identifier gone = Identifier::random();
  const Identifier lapsed = Identifier::random();
  for (const Identifier& holder : {gone, lapsed, Identifier::random()}) fixture.hold(holder, {});
  const auto age = [&](const Identifier& holder, std::chrono::hours by) {
    const std::string file = fixture.path + "/" + lease_key(holder);
    std::filesystem::last_write_time(file, std::filesystem::last_write_time(file) - by);
  };
  age(gone, std::chrono::hours(49));
  age(lapsed, std::chrono::hours(47));
  const auto report = collect(room, {}, {});
  INFO((report.ok() ? "" : report.error().message));
  REQUIRE(report.ok());
  CHECK(report->removed_leases == 1);
  const auto left = fixture.keys_in("leases/");
  CHECK(left.size() == 2);
  CHECK(std::ranges::count(left, lease_key(lapsed)) == 1);
}

TEST_CASE("a plan says what it costs and changes nothing", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2, 4}), "web").ok());
  REQUIRE(fixture.build(MemoryDevice({4, 6}), "gone").ok());
  REQUIRE(fixture.remove_name("gone").ok());
  CollectRoom room = fixture.room();
  const auto before = fixture.keys_in("roots/");
  auto planned = plan_collection(room, {});
  REQUIRE(planned->size() == 2);
  CollectDecision& retire = planned->at(1);
  REQUIRE(estimate(room, retire, {}).ok());
  CHECK(
      (retire.images == 1 && retire.objects == 2 && retire.bytes == 2 * kTestChunk && retire.requests == 6));
  CHECK(fixture.keys_in("roots/") == before);
}

TEST_CASE("an alarm keeps collection from deleting", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(retire_root(room, "1", {}).ok());
  REQUIRE(expire_root(room, "1", {}).ok());
  const Identifier worker = Identifier::random();
  REQUIRE(fixture.put(alarm_key("1", worker), write_alarm({"1", worker, "a read"})).ok());
  const CollectPolicy at_once{std::chrono::seconds(0)};
  CHECK(collect(room, at_once, {}).error().code == Code::kRefused);
  REQUIRE(clear_alarms(room, "1", "known").ok());
  CHECK(collect(room, at_once, {})->steps.size() == 1);
}

TEST_CASE("what a stopped build put into a deleted root goes with the next run", "[collect]") {
  CollectFixture fixture;
  REQUIRE(fixture.build(MemoryDevice({2}), "web").ok());
  CollectRoom room = fixture.room();
  REQUIRE(create_root(room, 100, {}).ok());
  REQUIRE(fixture.end_first_root().ok());
  REQUIRE(fixture.put(chunk_key("1", Digest{}), "late").ok());
  const auto report = collect(room, {}, {});
  REQUIRE(report.ok());
  CHECK(actions_of(report.value()) == std::vector{CollectAction::kDelete});
  CHECK(fixture.keys_in("roots/1/").size() == 1);
  CHECK(collect(room, {}, {})->steps.empty());
}

}  // namespace thaw::collect_test
