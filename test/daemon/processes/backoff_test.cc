#include "daemon/processes/backoff.h"

#include <catch2/catch.hpp>

namespace thaw::backoff_test {

TEST_CASE("a worker that served is replaced at once") {
  Backoff backoff;
  for (int i = 0; i < 100; ++i) CHECK(backoff.after({Backoff::kMoment, true}).count() == 0);
}

TEST_CASE("workers that die at the start are waited for longer and longer, up to a limit") {
  Backoff backoff;
  auto last = backoff.after({});
  CHECK(last == Backoff::kFirstDelay);
  for (int i = 0; i < 20; ++i) {
    const auto next = backoff.after({std::chrono::hours(1), false});
    CHECK(next >= last);
    last = next;
  }
  CHECK(last == Backoff::kMaxDelay);
  CHECK(backoff.after({std::chrono::milliseconds(1), true}) == Backoff::kMaxDelay);
  CHECK(backoff.after({std::chrono::seconds(1), true}).count() == 0);
  CHECK(backoff.after({}) == Backoff::kFirstDelay);
}

}  // namespace thaw::backoff_test
