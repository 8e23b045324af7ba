#include "cache/zone/node_health.h"

#include <catch2/catch.hpp>

namespace thaw::node_health_test {
namespace {

using Reply = NodeHealth::Reply;
using std::chrono::seconds;

const TimePoint kStart = TimePoint(std::chrono::hours(1));

void record(NodeHealth& health, int good, int bad, TimePoint when) {
  for (int i = 0; i < good; ++i) health.record(Reply::kGood, when);
  for (int i = 0; i < bad; ++i) health.record(Reply::kBad, when);
}

}  // namespace

TEST_CASE("more than 5 % bad replies in 10 s make a node failing", "[node_health]") {
  NodeHealth health({}, 1);
  record(health, 95, 5, kStart);
  CHECK_FALSE(health.is_failing(kStart));
  record(health, 0, 1, kStart + seconds(5));
  CHECK(health.is_failing(kStart + seconds(5)));
  CHECK_FALSE(health.is_failing(kStart + seconds(20)));  // it was long ago
}

TEST_CASE("few replies say nothing", "[node_health]") {
  NodeHealth health({}, 1);
  record(health, 0, 19, kStart);
  CHECK_FALSE(health.is_failing(kStart));
  record(health, 0, 1, kStart);
  CHECK(health.is_failing(kStart));
}

TEST_CASE("probes come later and later, with jitter, until the node is trusted again", "[node_health]") {
  NodeHealth health({}, 1);
  Duration bound = seconds(1);
  Duration wait = health.eject();
  CHECK(health.is_out());
  for (int i = 0; i < 10; ++i) {
    CHECK(wait >= bound / 2);
    CHECK(wait <= bound);
    bound = std::min<Duration>(bound * 2, seconds(60));
    wait = health.probe_failed();
  }
  health.readmit();
  CHECK_FALSE(health.is_out());
  record(health, 20, 0, kStart);
  CHECK(health.eject() <= seconds(1));
}

TEST_CASE("on trial, one bad reply is enough", "[node_health]") {
  NodeHealth health({}, 1);
  CHECK(health.eject() <= seconds(1));
  health.readmit();
  record(health, 19, 0, kStart);
  CHECK_FALSE(health.is_failing(kStart));
  record(health, 0, 1, kStart);
  CHECK(health.is_failing(kStart));
  CHECK(health.eject() >= seconds(1));  // and it waits longer than before
}

TEST_CASE("a trial that failed while the node could not be taken out ends once it is good again",
          "[node_health]") {
  NodeHealth health({}, 1);
  CHECK(health.eject() <= seconds(1));
  health.readmit();
  record(health, 5, 1, kStart);
  CHECK(health.is_failing(kStart));  // but too many others are out
  record(health, 19, 0, kStart);
  CHECK(health.is_failing(kStart));
  record(health, 1, 0, kStart);
  record(health, 100, 1, kStart + seconds(60));
  CHECK_FALSE(health.is_failing(kStart + seconds(60)));
  CHECK(health.eject() <= seconds(1));
}

}  // namespace thaw::node_health_test
