#include "cache/hedge_policy.h"

#include <catch2/catch.hpp>

namespace thaw::hedge_policy_test {
namespace {
using std::chrono::milliseconds;

// `slow` of every hundred take long.
void take(HedgePolicy& policy, int requests, int slow, Duration usual, Duration slowly) {
  for (int i = 0; i < requests; ++i) policy.request_took(i % 100 < slow ? slowly : usual);
}
void start(HedgePolicy& policy, int requests) {
  for (int i = 0; i < requests; ++i) policy.request_started();
}
int hedge_all(HedgePolicy& policy) {
  int hedges = 0;
  while (policy.try_hedge()) ++hedges;
  return hedges;
}
}  // namespace

TEST_CASE("nothing is slow before enough is known, and nothing that is fast", "[hedge]") {
  HedgePolicy policy(HedgeLimits{});
  take(policy, 63, 0, milliseconds(1), {});
  CHECK_FALSE(policy.slow_after().has_value());
  CHECK_FALSE(policy.try_hedge());
  take(policy, 1, 0, milliseconds(1), {});
  CHECK(policy.slow_after() == milliseconds(50));
}

TEST_CASE("slow is beyond the slowest hundredth, and within ten medians", "[hedge]") {
  HedgePolicy policy(HedgeLimits{});
  take(policy, 512, 10, milliseconds(36), milliseconds(175));
  CHECK(policy.slow_after() == milliseconds(175));
  take(policy, 512, 10, milliseconds(36), std::chrono::seconds(10));
  CHECK(policy.slow_after() == milliseconds(360));
}

TEST_CASE("hedges are at most a fiftieth of the requests, and few in a row", "[hedge]") {
  HedgePolicy policy(HedgeLimits{});
  take(policy, 512, 1, milliseconds(36), milliseconds(175));
  hedge_all(policy);
  start(policy, 55);
  CHECK(hedge_all(policy) == 1);
  start(policy, 100000);
  CHECK(hedge_all(policy) == 10);
}

TEST_CASE("there are no hedges while too many are slow", "[hedge]") {
  HedgePolicy policy(HedgeLimits{});
  take(policy, 512, 8, milliseconds(30), std::chrono::seconds(10));
  start(policy, 1000);
  CHECK_FALSE(policy.try_hedge());
  take(policy, 512, 3, milliseconds(30), std::chrono::seconds(10));
  CHECK(policy.try_hedge());
}

}  // namespace thaw::hedge_policy_test
