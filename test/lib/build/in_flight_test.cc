#include "lib/build/in_flight.h"

#include <catch2/catch.hpp>
#include <vector>

#include "test/fakes/executors.h"

namespace thaw::in_flight_test {

TEST_CASE("drain waits for all and gives the first error", "[build]") {
  ThreadPool threads(3);
  InFlight in_flight(2);
  for (int i = 0; i < 50; ++i) {
    Completion<void> done = in_flight.start();
    REQUIRE(done);
    threads.post([done = std::move(done)]() mutable { done({}); });
  }
  CHECK(in_flight.drain().ok());
  CHECK(in_flight.finished() == 50);
}

TEST_CASE("nothing starts after a failure, and a dropped operation is one", "[build]") {
  InFlight in_flight(8);
  Completion<void> first = in_flight.start();
  Completion<void> second = in_flight.start();
  first(Error{Code::kRefused, "no"});
  CHECK_FALSE(in_flight.start());
  { const Completion<void> dropped = std::move(second); }
  CHECK(in_flight.drain().error().code == Code::kRefused);

  InFlight other(1);
  { const Completion<void> dropped = other.start(); }
  CHECK(other.drain().error().code == Code::kCancelled);
}

}  // namespace thaw::in_flight_test
