#include "cache/fair_queue.h"

#include <catch2/catch.hpp>

namespace thaw::fair_queue_test {
namespace {

constexpr auto kAnything = [](Priority, uint64_t) { return true; };

}  // namespace

TEST_CASE("demand goes first, then read-ahead, then prefetch", "[fair_queue]") {
  FairQueue<int> queue;
  queue.push(Priority::kPrefetch, 1, 3);
  queue.push(Priority::kReadAhead, 1, 2);
  queue.push(Priority::kDemand, 1, 1);
  for (int expected = 1; expected <= 3; ++expected) CHECK(queue.pop(kAnything) == expected);
  CHECK(queue.empty());
  CHECK_FALSE(queue.pop(kAnything).has_value());
}

TEST_CASE("mounts take turns, whatever one of them piles up", "[fair_queue]") {
  FairQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.push(Priority::kDemand, 1, i);
  queue.push(Priority::kDemand, 2, 1000);
  queue.push(Priority::kDemand, 3, 2000);
  const std::vector<int> expected = {0, 1000, 2000, 1, 2};
  for (const int item : expected) CHECK(queue.pop(kAnything) == item);
}

TEST_CASE("a mount that may not start is passed over", "[fair_queue]") {
  FairQueue<int> queue;
  queue.push(Priority::kDemand, 1, 10);
  queue.push(Priority::kPrefetch, 2, 20);
  CHECK(queue.pop([](Priority, uint64_t mount) { return mount != 1; }) == 20);
  CHECK_FALSE(queue.pop([](Priority, uint64_t mount) { return mount != 1; }).has_value());
  CHECK(queue.pop(kAnything) == 10);
}

TEST_CASE("what waits can be taken out of the middle", "[fair_queue]") {
  FairQueue<int> queue;
  for (int i = 0; i < 3; ++i) queue.push(Priority::kPrefetch, 1, i);
  CHECK(queue.remove(Priority::kPrefetch, 1, 1));
  CHECK_FALSE(queue.remove(Priority::kPrefetch, 1, 1));
  CHECK_FALSE(queue.remove(Priority::kDemand, 1, 0));
  CHECK_FALSE(queue.remove(Priority::kPrefetch, 2, 0));
  CHECK(queue.pop(kAnything) == 0);
  CHECK(queue.pop(kAnything) == 2);
}

TEST_CASE("what becomes more urgent goes to the end of its new lane, and no other way", "[fair_queue]") {
  FairQueue<int> queue;
  queue.push(Priority::kDemand, 1, 1);
  queue.push(Priority::kReadAhead, 1, 2);
  queue.push(Priority::kPrefetch, 2, 3);
  queue.push(Priority::kPrefetch, 2, 4);
  queue.raise([](int item) { return item == 3; }, Priority::kDemand, 1);
  queue.raise([](int item) { return item == 1 || item == 2; }, Priority::kPrefetch, 2);
  for (const int expected : {1, 3, 2, 4}) {
    REQUIRE(queue.front() != nullptr);
    CHECK(*queue.front() == expected);
    CHECK(queue.pop(kAnything) == expected);
  }
  CHECK(queue.front() == nullptr);
}

}  // namespace thaw::fair_queue_test
