// Nodes that are configured by name.
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "lib/base/mutex.h"
#include "test/cache/zone/zone_fixture.h"

namespace thaw::zone_names_test {
namespace {

using std::chrono::milliseconds;

// What the names are found to be; the port of a name says nothing.
class FakeNames {
 public:
  void set(const std::string& host, const std::string& node) {
    MutexLock lock(mutex_);
    addresses_[host] = parse_zone_nodes({node}).value()[0].address.value();
  }
  void forget(const std::string& host) {
    MutexLock lock(mutex_);
    addresses_.erase(host);
  }
  void hold() {
    MutexLock lock(mutex_);
    held_ = true;
  }
  void let_go() {
    MutexLock lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  ZoneFixture::Resolve resolver() {
    return [this](const std::string& host, uint16_t) { return resolve(host); };
  }

 private:
  Result<SocketAddress> resolve(const std::string& host) {
    MutexLock lock(mutex_);
    while (held_) changed_.wait(mutex_);
    const auto found = addresses_.find(host);
    if (found == addresses_.end()) return Error{Code::kUnreachable, host + ": no such name"};
    return found->second;
  }

  Mutex mutex_;
  CondVar changed_;
  bool held_ GUARDED_BY(mutex_) = false;
  std::map<std::string, SocketAddress> addresses_ GUARDED_BY(mutex_);
};

// Five nodes, a.test to e.test, and one more.
struct NamedNodes {
  NamedNodes() {
    for (size_t i = 0; i < 5; ++i) names.set(hosts[i], real.nodes[i]->name());
  }
  std::vector<ZoneNode> nodes() const {
    std::vector<std::string> texts;
    for (const std::string& host : hosts) texts.push_back(host + ":11211");
    return parse_zone_nodes(texts).value();
  }
  const std::vector<std::string> hosts{"a.test", "b.test", "c.test", "d.test", "e.test"};
  RealNodes real{6};
  FakeNames names;
};

ZoneLimits eager() {
  ZoneLimits limits = patient_limits();
  limits.claim_wait = Duration::zero();
  limits.node.look_up_again = milliseconds(1);
  limits.health.first_probe = milliseconds(10);
  limits.health.longest_probe = milliseconds(50);
  return limits;
}

void fill_until_all_hit(ZoneFixture& zone, uint32_t n) {
  while (zone.hits(0, n) < n) zone.fill(0, n);
}

}  // namespace

TEST_CASE("a resolver that is away holds up nobody, and no node is blamed for it", "[zone_names]") {
  NamedNodes test;
  test.names.hold();
  ZoneLimits limits = eager();
  limits.health.least_replies = 1;
  ZoneFixture zone(test.nodes(), limits, 4, 1, test.names.resolver());
  CHECK(zone.hits(0, 10) == 0);
  CHECK(zone.counters.shards_late == 0);
  CHECK(zone.counters.ejections == 0);
  test.names.let_go();
  fill_until_all_hit(zone, 10);
  CHECK(zone.counters.ejections == 0);
  CHECK(zone.not_found().empty());
}

TEST_CASE("addresses need no resolver", "[zone_names]") {
  NamedNodes test;
  test.names.hold();
  std::vector<std::string> numbers;
  for (size_t i = 0; i < 5; ++i) numbers.push_back(test.real.nodes[i]->name());
  ZoneFixture zone(parse_zone_nodes(numbers).value(), eager(), 4, 1, test.names.resolver());
  zone.fill(0, 10);
  CHECK(zone.hits(0, 10) == 10);
  test.names.let_go();
}

TEST_CASE("a name that is not found is told once, and looked up again", "[zone_names]") {
  NamedNodes test;
  test.names.forget("c.test");
  ZoneFixture zone(test.nodes(), eager(), 4, 1, test.names.resolver());
  fill_until_all_hit(zone, 10);
  while (zone.counters.ejections == 0) zone.hits(0, 10);
  CHECK(zone.hits(0, 10) == 10);
  CHECK(zone.not_found() == std::vector<std::string>{"c.test:11211: c.test: no such name"});
  test.names.set("c.test", test.real.nodes[2]->name());
  while (zone.counters.readmissions == 0) zone.hits(0, 10);
  while (test.real.nodes[2]->items() == 0) zone.hits(0, 10);
  CHECK(zone.not_found().size() == 1);
}

TEST_CASE("a node that has moved is found at its new address", "[zone_names]") {
  NamedNodes test;
  ZoneFixture zone(test.nodes(), eager(), 4, 1, test.names.resolver());
  fill_until_all_hit(zone, 10);
  test.real.nodes[1]->kill();
  SECTION("which its name has at once") {}
  SECTION("after a while in which it has none") {
    test.names.forget("b.test");
    while (zone.not_found().empty()) zone.hits(0, 10);
  }
  test.names.set("b.test", test.real.nodes[5]->name());
  while (test.real.nodes[5]->items() == 0) CHECK(zone.hits(0, 10) == 10);
}

TEST_CASE("a list that is set anew looks up at once what is not found", "[zone_names]") {
  NamedNodes test;
  test.names.forget("d.test");
  ZoneLimits limits = eager();
  limits.node.look_up_again = std::chrono::hours(1);
  ZoneFixture zone(test.nodes(), limits, 4, 1, test.names.resolver());
  fill_until_all_hit(zone, 10);
  while (zone.not_found().empty()) zone.hits(0, 10);
  test.names.set("d.test", test.real.nodes[3]->name());
  REQUIRE(zone.store().set_nodes(test.nodes()).ok());
  while (test.real.nodes[3]->items() == 0) CHECK(zone.hits(0, 10) == 10);
}

}  // namespace thaw::zone_names_test
