#include "cache/retry_tokens.h"

#include <catch2/catch.hpp>

namespace thaw::retry_tokens_test {
namespace {
using std::chrono::milliseconds;
const TimePoint kStart{std::chrono::hours(1)};

int spend_all(RetryTokens& tokens, TimePoint now, Priority priority = Priority::kDemand) {
  int spent = 0;
  while (tokens.try_spend(now, priority, Duration::zero())) ++spent;
  return spent;
}
}  // namespace

TEST_CASE("without tokens a probe may go now and then", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  CHECK(spend_all(tokens, kStart) == 51);  // the last one is a probe
  CHECK(spend_all(tokens, kStart + milliseconds(499)) == 0);
  CHECK(spend_all(tokens, kStart + milliseconds(500)) == 1);
}

TEST_CASE("successes earn a part of a retry each", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  spend_all(tokens, kStart);
  for (int i = 0; i < 35; ++i) tokens.succeeded(kStart);
  CHECK(spend_all(tokens, kStart) == 10);
  for (int i = 0; i < 10000; ++i) tokens.succeeded(kStart);
  CHECK(spend_all(tokens, kStart) == 50);
}

TEST_CASE("after an outage what waited may go", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  spend_all(tokens, kStart);
  tokens.outage_ended(7);
  CHECK(spend_all(tokens, kStart) == 50);
  tokens.outage_ended(200);
  tokens.succeeded(kStart);
  CHECK(spend_all(tokens, kStart) == 200);
}

TEST_CASE("half of the tokens are kept for readers", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  CHECK(spend_all(tokens, kStart, Priority::kReadAhead) == 26);  // the last one is a probe
  CHECK(spend_all(tokens, kStart, Priority::kPrefetch) == 0);
  CHECK(spend_all(tokens, kStart) == 25);
}

TEST_CASE("what a reader waits for is asked again each second while the store answers", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  spend_all(tokens, kStart);
  const TimePoint now = kStart + milliseconds(400);
  tokens.succeeded(now);
  CHECK_FALSE(tokens.try_spend(now, Priority::kDemand, milliseconds(999)));
  CHECK(tokens.try_spend(now, Priority::kDemand, milliseconds(1000)));
  CHECK(tokens.try_spend(now, Priority::kDemand, milliseconds(1000)));
  CHECK_FALSE(tokens.try_spend(now, Priority::kPrefetch, milliseconds(9000)));
  CHECK(tokens.try_spend(now + milliseconds(1000), Priority::kDemand, milliseconds(1000)));  // a probe
  CHECK_FALSE(tokens.try_spend(now + milliseconds(1000), Priority::kDemand, milliseconds(1000)));
}

}  // namespace thaw::retry_tokens_test
