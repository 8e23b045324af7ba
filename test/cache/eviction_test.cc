#include "cache/eviction.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

namespace thaw::eviction_test {
namespace {

constexpr uint64_t kMi = 1024 * 1024;

ChunkId id_of(uint64_t number) {
  ChunkId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  return id;
}

EvictionRule any_rule() { return GENERATE(EvictionRule::kS3Fifo, EvictionRule::kLruK); }

// Keeps nodes of 1 MiB in a policy of 100 MiB, as a store would.
struct Cache {
  explicit Cache(EvictionRule rule) : policy(rule, 100 * kMi) {}

  void add(uint64_t number) {
    while (policy.bytes() + kMi > 100 * kMi) evicted.push_back(policy.evict()->id);
    EvictionNode& node = nodes.emplace_back();
    node.id = id_of(number);
    node.bytes = kMi;
    policy.insert(node);
  }
  void add_range(uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) add(i);
  }
  // REQUIRES: it is there
  void touch(uint64_t number) {
    const auto last = std::find_if(nodes.rbegin(), nodes.rend(),
                                   [number](const auto& node) { return node.id == id_of(number); });
    policy.touch(*last);
  }
  void touch_range(uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) touch(i);
  }
  bool was_evicted(uint64_t number) const { return std::ranges::count(evicted, id_of(number)) > 0; }

  Eviction policy;
  std::deque<EvictionNode> nodes;
  std::vector<ChunkId> evicted;
};

}  // namespace

TEST_CASE("what nobody asks for again leaves in the order in which it came", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 110);
  REQUIRE(cache.evicted.size() >= 10);
  for (uint64_t i = 0; i < 10; ++i) CHECK(cache.evicted[i] == id_of(i));
}

TEST_CASE("a scan does not push out what is asked for", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 40);
  for (int round = 0; round < 3; ++round) cache.touch_range(0, 40);
  cache.add_range(1000, 2000);
  for (uint64_t i = 0; i < 40; ++i) CHECK_FALSE(cache.was_evicted(i));
}

TEST_CASE("a chunk that is read in many requests was read once", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 40);
  for (int round = 0; round < 3; ++round) cache.touch_range(0, 40);
  // Two readers side by side, in requests of a quarter chunk, after what was read ahead for them.
  cache.add_range(1000, 1008);
  for (uint64_t i = 1000; i < 2000; i += 2) {
    cache.add_range(i + 8, i + 10);
    for (int quarter = 0; quarter < 4; ++quarter) cache.touch_range(i, i + 2);
  }
  // One that reads it in small pieces.
  for (uint64_t i = 3000; i < 3200; ++i) {
    cache.add(i);
    for (int piece = 0; piece < 128; ++piece) cache.touch(i);
  }
  for (uint64_t i = 0; i < 40; ++i) CHECK_FALSE(cache.was_evicted(i));
  for (uint64_t i = 1000; i < 1900; ++i) CHECK(cache.was_evicted(i));
}

TEST_CASE("what comes back soon after it left is kept longer than what is new", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 105);
  REQUIRE(cache.was_evicted(1));
  cache.evicted.clear();
  cache.add(1);
  cache.add_range(1000, 1085);
  CHECK_FALSE(cache.was_evicted(1));
  CHECK(cache.was_evicted(50));
}

TEST_CASE("what came a moment ago is not the first to leave", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 99);
  for (int round = 0; round < 3; ++round) cache.touch_range(0, 99);
  cache.add_range(1000, 1009);  // read ahead: its reader comes later
  CHECK_FALSE(cache.was_evicted(1000));
}

TEST_CASE("LRU-K gives up what was not used twice for the longest time", "[eviction]") {
  Cache cache(EvictionRule::kLruK);
  cache.add_range(0, 90);
  for (int round = 0; round < 3; ++round) cache.touch_range(0, 90);
  for (int round = 0; round < 3; ++round) cache.touch_range(30, 90);
  // The last reference of these is the latest of all, but the one before it the earliest.
  cache.touch_range(0, 10);
  for (uint64_t i = 100; i < 150; ++i) {
    cache.add(i);
    cache.touch_range(30, 90);
    if (i >= 102) cache.touch(i - 2);
    if (i >= 104) cache.touch(i - 4);
  }
  for (uint64_t i = 10; i < 20; ++i) CHECK(cache.was_evicted(i));
  for (uint64_t i = 30; i < 90; ++i) CHECK_FALSE(cache.was_evicted(i));
}

TEST_CASE("what was erased is not handed out again, and counts no more", "[eviction]") {
  Eviction policy(any_rule(), 100 * kMi);
  EvictionNode a{id_of(1), kMi};
  EvictionNode b{id_of(2), kMi};
  policy.insert(a);
  policy.insert(b);
  policy.erase(a);
  CHECK(policy.bytes() == kMi);
  CHECK(policy.evict() == &b);
  CHECK(policy.evict() == nullptr);
}

TEST_CASE("a used chunk that was erased counts no more", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 40);
  for (int round = 0; round < 3; ++round) cache.touch_range(0, 40);
  for (EvictionNode& node : cache.nodes) cache.policy.erase(node);
  CHECK(cache.policy.bytes() == 0);
  CHECK(cache.policy.evict() == nullptr);
}

TEST_CASE("the history is counted, and never longer than there are nodes", "[eviction]") {
  Cache cache(any_rule());
  cache.add_range(0, 1000);
  const uint64_t nodes = 1000 - cache.evicted.size();
  CHECK(cache.policy.bytes() > nodes * kMi);
  CHECK(cache.policy.bytes() <= nodes * (kMi + EvictionHistory::kBytesEach));
  while (cache.policy.evict() != nullptr) {
  }
  CHECK(cache.policy.bytes() == 0);
}

}  // namespace thaw::eviction_test
