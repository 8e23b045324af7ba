#include "lib/base/retry_backoff.h"

#include <catch2/catch.hpp>

namespace thaw::retry_backoff_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace

TEST_CASE("a wait lies between nothing and a bound that doubles up to its limit", "[backoff]") {
  for (uint64_t seed = 1; seed < 50; ++seed) {
    RetryBackoff backoff(milliseconds(20), milliseconds(100), seed);
    for (const int bound : {20, 40, 80, 100, 100}) {
      const Duration wait = backoff.next();
      CHECK(wait >= Duration::zero());
      CHECK(wait <= milliseconds(bound));
    }
  }
}

TEST_CASE("what a server asks for is waited for, and a little longer", "[backoff]") {
  Duration least = seconds(100);
  Duration most = Duration::zero();
  for (uint64_t seed = 1; seed < 50; ++seed) {
    RetryBackoff backoff(milliseconds(20), seconds(2), seed);
    const Duration wait = backoff.next(seconds(4), seconds(30));
    least = std::min(least, wait);
    most = std::max(most, wait);
  }
  CHECK(least >= seconds(4));
  CHECK(most <= seconds(5));
  CHECK(most - least > milliseconds(300));  // those who were sent away together come back apart
}

TEST_CASE("a server that asks for too much does not get it", "[backoff]") {
  RetryBackoff backoff(milliseconds(20), milliseconds(20), 1);
  CHECK(backoff.next(std::chrono::hours(24)) <= RetryBackoff::kLongestAsked * 5 / 4);
  CHECK(backoff.next(std::chrono::hours(24)) >= RetryBackoff::kLongestAsked);
  // There is another try before the end.
  CHECK(backoff.next(seconds(8), seconds(4)) <= seconds(2) + milliseconds(500));
  CHECK(backoff.next(seconds(8), -seconds(4)) <= milliseconds(20));
  CHECK(backoff.next(-seconds(8)) <= milliseconds(20));
}

}  // namespace thaw::retry_backoff_test
