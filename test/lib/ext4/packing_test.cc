#include "lib/ext4/packing.h"

#include <catch2/catch.hpp>

#include "lib/ext4/flat_tree.h"

namespace thaw::packing_test {
namespace {

std::vector<PackItem> items(uint32_t count) {
  std::vector<PackItem> all;
  for (uint32_t i = 0; i < count; ++i) all.push_back({i, 1 + i % 7, mix(i), mix(i + 1000000)});
  return all;
}

constexpr PackRule kRule{.capacity = 128, .mean_units = 32};

// The packs, each as the ids it holds.
std::vector<std::vector<uint32_t>> contents(const std::vector<Pack>& packs) {
  std::vector<std::vector<uint32_t>> all;
  for (const Pack& pack : packs) {
    all.emplace_back();
    for (const PackItem& item : pack.items) all.back().push_back(item.id);
  }
  return all;
}

TEST_CASE("every item is in one pack, in order, and no pack is over its capacity") {
  uint32_t next = 0;
  for (const Pack& pack : pack(items(5000), kRule)) {
    uint64_t units = 0;
    for (const PackItem& item : pack.items) {
      CHECK(item.id == next++);
      units += item.units;
    }
    CHECK(units == pack.units);
    CHECK(units <= kRule.capacity);
  }
  CHECK(next == 5000);
}

TEST_CASE("packs come near the mean size") {
  uint64_t units = 0;
  const auto packs = pack(items(20000), kRule);
  for (const Pack& pack : packs) units += pack.units;
  const uint64_t mean = units / packs.size();
  CHECK(mean > 22);
  CHECK(mean < 42);
}

TEST_CASE("an item that is inserted changes few packs") {
  auto changed = items(5000);
  changed.insert(changed.begin() + 2500, {77777, 3, mix(77777), 1});
  const auto before = contents(pack(items(5000), kRule));
  const auto after = contents(pack(changed, kRule));
  size_t head = 0;
  while (before[head] == after[head]) ++head;
  size_t tail = 0;
  while (before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  CHECK(after.size() - head - tail <= 4);
}

TEST_CASE("an item over the capacity has a pack of its own") {
  auto all = items(3);
  all.insert(all.begin() + 1, {9, 500, ~uint64_t{0}, 1});
  const auto packs = contents(pack(all, kRule));
  CHECK(packs[1] == std::vector<uint32_t>{9});
}

}  // namespace
}  // namespace thaw::packing_test
