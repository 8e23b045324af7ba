#include "cache/s3_fifo.h"

#include <catch2/catch.hpp>

#include <deque>

namespace thaw {
namespace {

constexpr uint64_t kMi = 1024 * 1024;

ChunkId id_of(uint64_t number) {
  ChunkId id;
  std::memcpy(id.bytes.data(), &number, sizeof number);
  return id;
}

// Keeps nodes of 1 MiB in a policy of 100 MiB, as a store would.
struct Cache {
  void add(uint64_t number) {
    while (policy.bytes() + kMi > 100 * kMi) evicted.push_back(policy.evict()->id);
    S3Fifo::Node& node = nodes.emplace_back();
    node.id = id_of(number);
    node.bytes = kMi;
    policy.insert(node);
  }
  void touch(uint64_t number, int times) {
    for (S3Fifo::Node& node : nodes) {
      for (int i = 0; node.id == id_of(number) && i < times; ++i) policy.touch(node);
    }
  }
  bool was_evicted(uint64_t number) const {
    return std::find(evicted.begin(), evicted.end(), id_of(number)) != evicted.end();
  }

  S3Fifo policy{100 * kMi};
  std::deque<S3Fifo::Node> nodes;
  std::vector<ChunkId> evicted;
};

}  // namespace

TEST_CASE("what nobody asks for again leaves in the order in which it came", "[s3_fifo]") {
  Cache cache;
  for (uint64_t i = 0; i < 110; ++i) cache.add(i);
  REQUIRE(cache.evicted.size() >= 10);
  for (uint64_t i = 0; i < 10; ++i) CHECK(cache.evicted[i] == id_of(i));
}

TEST_CASE("a scan does not push out what is asked for", "[s3_fifo]") {
  Cache cache;
  for (uint64_t i = 0; i < 40; ++i) cache.add(i);
  for (uint64_t i = 0; i < 40; ++i) cache.touch(i, 3);
  for (uint64_t i = 1000; i < 2000; ++i) cache.add(i);
  for (uint64_t i = 0; i < 40; ++i) CHECK_FALSE(cache.was_evicted(i));
}

TEST_CASE("what comes back soon after it left is kept longer than what is new", "[s3_fifo]") {
  Cache cache;
  for (uint64_t i = 0; i < 105; ++i) cache.add(i);
  REQUIRE(cache.was_evicted(1));
  cache.evicted.clear();
  cache.add(1);
  for (uint64_t i = 1000; i < 1085; ++i) cache.add(i);
  CHECK_FALSE(cache.was_evicted(1));
  CHECK(cache.was_evicted(50));
}

TEST_CASE("what was erased is not handed out again, and counts no more", "[s3_fifo]") {
  S3Fifo policy(100 * kMi);
  S3Fifo::Node a{id_of(1), kMi};
  S3Fifo::Node b{id_of(2), kMi};
  policy.insert(a);
  policy.insert(b);
  policy.erase(a);
  CHECK(policy.bytes() == kMi);
  CHECK(policy.evict() == &b);
  CHECK(policy.evict() == nullptr);
}

TEST_CASE("ghosts are counted, and never more than there are nodes", "[s3_fifo]") {
  Cache cache;
  for (uint64_t i = 0; i < 1000; ++i) cache.add(i);
  const uint64_t nodes = 1000 - cache.evicted.size();
  CHECK(cache.policy.bytes() > nodes * kMi);
  CHECK(cache.policy.bytes() <= nodes * (kMi + S3Fifo::kGhostBytes));
  while (cache.policy.evict() != nullptr) {
  }
  CHECK(cache.policy.bytes() == 0);
}

}  // namespace thaw
