#include "lib/base/request_cap.h"

#include <catch2/catch.hpp>

namespace thaw::request_cap_test {
namespace {
using std::chrono::milliseconds;
const TimePoint kStart{std::chrono::hours(1)};
}  // namespace

TEST_CASE("the cap falls once a round trip, never below its floor", "[request_cap]") {
  RequestCap cap(64);
  CHECK(cap.now() == 64);
  for (int i = 0; i < 20; ++i) cap.overloaded(kStart + milliseconds(i));
  CHECK(cap.now() == 44);
  cap.overloaded(kStart + milliseconds(100));
  CHECK(cap.now() == 31);
  for (int i = 0; i < 100; ++i) cap.overloaded(kStart + milliseconds(200 + 100 * i));
  CHECK(cap.now() == RequestCap::kFloor);
}

TEST_CASE("the cap rises by one for as many answers as it allows, up to its limit", "[request_cap]") {
  RequestCap cap(10);
  for (int i = 0; i < 9; ++i) cap.overloaded(kStart + milliseconds(100 * i));
  CHECK(cap.now() == 4);
  for (int i = 0; i < 5; ++i) cap.answered();
  CHECK(cap.now() == 5);
  for (int i = 0; i < 1000; ++i) cap.answered();
  CHECK(cap.now() == 10);
}

TEST_CASE("another limit holds at once, and is where a cap starts that nothing held back", "[request_cap]") {
  RequestCap cap(10);
  cap.set_most(100);
  CHECK(cap.now() == 100);
  cap.overloaded(kStart);
  CHECK(cap.now() == 70);
  cap.set_most(200);
  CHECK(cap.now() == 70);
  cap.set_most(20);
  CHECK(cap.now() == 20);
  cap.set_most(1);
  CHECK(cap.now() == 1);
}

TEST_CASE("a limit smaller than the floor stays what it is", "[request_cap]") {
  RequestCap cap(1);
  cap.overloaded(kStart);
  CHECK(cap.now() == 1);
  cap.answered();
  CHECK(cap.now() == 1);
}

TEST_CASE("limits below the cap shrink with it", "[request_cap]") {
  RequestCap cap(64);
  CHECK(cap.share_of(48) == 48);
  cap.overloaded(kStart);
  CHECK(cap.share_of(48) == 33);
  CHECK(cap.share_of(1) == 1);
  CHECK(cap.share_of(100000) > 64);  // it never was a limit
}

}  // namespace thaw::request_cap_test
