#include "cache/retry_tokens.h"

#include <catch2/catch.hpp>

namespace thaw::retry_tokens_test {
namespace {
using std::chrono::milliseconds;
const TimePoint kStart{std::chrono::hours(1)};

int spend_all(RetryTokens& tokens, TimePoint now) {
  int spent = 0;
  while (tokens.try_spend(now)) ++spent;
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
  for (int i = 0; i < 35; ++i) tokens.succeeded();
  CHECK(spend_all(tokens, kStart) == 10);
  for (int i = 0; i < 10000; ++i) tokens.succeeded();
  CHECK(spend_all(tokens, kStart) == 50);
}

TEST_CASE("after an outage what waited may go", "[retry_tokens]") {
  RetryTokens tokens(RetryTokenLimits{});
  spend_all(tokens, kStart);
  tokens.outage_ended(7);
  CHECK(spend_all(tokens, kStart) == 50);
  tokens.outage_ended(200);
  tokens.succeeded();
  CHECK(spend_all(tokens, kStart) == 200);
}

}  // namespace thaw::retry_tokens_test
