#include "cache/zone/zone_placement.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <utility>

#include "lib/crypto/hash.h"

namespace thaw::zone_placement_test {
namespace {

std::vector<ZoneNode> some_nodes(size_t count, size_t domains = 0) {
  std::vector<ZoneNode> nodes;
  for (size_t i = 0; i < count; ++i) {
    nodes.push_back({"10.0.0." + std::to_string(i) + ":11211",
                     domains == 0 ? "" : "rack-" + std::to_string(i % domains), std::nullopt});
  }
  return nodes;
}

// The name of each shard's node.
std::vector<std::string> names_of(const ZonePlacement& placement, const std::vector<ZoneNode>& nodes,
                                  size_t slot) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < placement.shards(); ++i) names.push_back(nodes[placement.nodes_of(slot)[i]].name);
  return names;
}

// The share of all shards that are on another node, and of slots that lost more than one.
std::pair<double, double> moved(const std::vector<ZoneNode>& before, const std::vector<ZoneNode>& after) {
  const ZonePlacement first(before, 5);
  const ZonePlacement second(after, 5);
  double shards = 0;
  double slots = 0;
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    const auto a = names_of(first, before, slot);
    const auto b = names_of(second, after, slot);
    int differ = 0;
    for (size_t i = 0; i < a.size(); ++i) differ += a[i] == b[i] ? 0 : 1;
    shards += differ;
    slots += differ > 1 ? 1 : 0;
  }
  return {shards / (5.0 * ZonePlacement::kSlots), slots / double{ZonePlacement::kSlots}};
}

}  // namespace

TEST_CASE("each slot lists distinct nodes, and each node has its share", "[zone_placement]") {
  const size_t count = GENERATE(5, 6, 10, 40, 100);
  const auto nodes = some_nodes(count);
  const ZonePlacement placement(nodes, 5);
  std::vector<size_t> loads(count);
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    const uint16_t* chosen = placement.nodes_of(slot);
    CHECK(std::set<uint16_t>(chosen, chosen + 5).size() == 5);
    for (int i = 0; i < 5; ++i) ++loads[chosen[i]];
  }
  const double mean = 5.0 * ZonePlacement::kSlots / static_cast<double>(count);
  CAPTURE(count, mean, *std::max_element(loads.begin(), loads.end()));
  CHECK(static_cast<double>(*std::max_element(loads.begin(), loads.end())) <= mean * 1.05);
  CHECK(static_cast<double>(*std::min_element(loads.begin(), loads.end())) >= mean * 0.8);
}

TEST_CASE("the order of the list does not matter, and domains change no names", "[zone_placement]") {
  auto nodes = some_nodes(9);
  const ZonePlacement first(nodes, 5);
  auto reversed = nodes;
  std::reverse(reversed.begin(), reversed.end());
  const ZonePlacement second(reversed, 5);
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    REQUIRE(names_of(first, nodes, slot) == names_of(second, reversed, slot));
  }
}

TEST_CASE("shards lie in distinct domains where there are enough", "[zone_placement]") {
  const auto [domains, most] = GENERATE(std::pair{5, 1}, std::pair{6, 1}, std::pair{3, 2}, std::pair{2, 3});
  const auto nodes = some_nodes(12, static_cast<size_t>(domains));
  const ZonePlacement placement(nodes, 5);
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    std::multiset<std::string> used;
    for (int i = 0; i < 5; ++i) used.insert(nodes[placement.nodes_of(slot)[i]].domain);
    for (const std::string& domain : used) REQUIRE(used.count(domain) <= static_cast<size_t>(most));
  }
}

TEST_CASE("a node that joins or leaves moves little more than its share", "[zone_placement]") {
  const size_t count = GENERATE(6, 8, 12, 30);
  const auto before = some_nodes(count);
  auto after = before;
  after.erase(after.begin() + 2);
  const double share = 1.0 / static_cast<double>(count);
  const auto [left, left_twice] = moved(before, after);
  const auto [joined, joined_twice] = moved(after, before);
  CAPTURE(count, left, left_twice);
  CHECK(left >= share * 0.9);
  CHECK(left <= share * 1.5);
  CHECK(left_twice <= share * 2);  // these lose more than the parity makes good
  CHECK(joined == left);
  CHECK(joined_twice == left_twice);
}

TEST_CASE("placement is the documented one", "[zone_placement]") {
  // A digest of the whole table: another one is another zone, for all workers that did not change with it.
  const auto nodes = some_nodes(10);
  const ZonePlacement placement(nodes, 5);
  std::string all;
  for (size_t slot = 0; slot < ZonePlacement::kSlots; ++slot) {
    for (const std::string& name : names_of(placement, nodes, slot)) all += name + " ";
  }
  CHECK(sha256(as_bytes(all)).hex() == "4ab6b305b16090077d94bf03d34656206e182d4833529c17c8f02313712c5153");
  ChunkId id;
  id.bytes[0] = 0xAB;
  id.bytes[1] = 0xCD;
  CHECK(ZonePlacement::slot_of(id) == 0xABC);
}

}  // namespace thaw::zone_placement_test
