#include "cache/slots.h"

#include <catch2/catch.hpp>

namespace thaw::slots_test {
namespace {

constexpr Slots::Caps kCaps{8, 5, 3};

TEST_CASE("slots are capped as a whole, for the background, and for each mount") {
  Slots slots;
  for (uint64_t mount = 1; mount <= 5; ++mount) slots.take(Priority::kReadAhead, mount);
  CHECK_FALSE(slots.may_take(Priority::kReadAhead, 6, kCaps));
  CHECK_FALSE(slots.may_take(Priority::kPrefetch, 6, kCaps));
  REQUIRE(slots.may_take(Priority::kDemand, 1, kCaps));
  slots.take(Priority::kDemand, 1);
  slots.take(Priority::kDemand, 1);
  CHECK_FALSE(slots.may_take(Priority::kDemand, 1, kCaps));
  REQUIRE(slots.may_take(Priority::kDemand, 2, kCaps));
  slots.take(Priority::kDemand, 2);
  CHECK(slots.taken() == 8);
  CHECK_FALSE(slots.may_take(Priority::kDemand, 9, kCaps));
  slots.release(Priority::kReadAhead, 3);
  CHECK(slots.may_take(Priority::kReadAhead, 9, kCaps));
  CHECK(slots.taken() == 7);
}

}  // namespace
}  // namespace thaw::slots_test
