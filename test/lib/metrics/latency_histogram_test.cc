#include "lib/metrics/latency_histogram.h"

#include <catch2/catch.hpp>
#include <limits>

namespace thaw::latency_histogram_test {

TEST_CASE("a percentile is never below the truth and at most a quarter above it", "[metrics]") {
  for (const uint64_t value :
       {0ULL, 1ULL, 3ULL, 4ULL, 5ULL, 7ULL, 8ULL, 100ULL, 1023ULL, 1024ULL, 999999ULL}) {
    LatencyHistogram histogram{};
    histogram.record(value);
    CHECK(histogram.percentile_us(0.5) >= value);
    CHECK(histogram.percentile_us(0.5) <= value + value / 4);
  }
}

TEST_CASE("percentiles follow the counts", "[metrics]") {
  LatencyHistogram histogram{};
  CHECK(histogram.percentile_us(0.99) == 0);
  for (int i = 0; i < 98; ++i) histogram.record(10);
  histogram.record(5000);
  histogram.record(std::numeric_limits<uint64_t>::max());
  CHECK(histogram.count() == 100);
  CHECK(histogram.percentile_us(0.5) < 13);
  CHECK(histogram.percentile_us(0.99) >= 5000);
  CHECK(histogram.percentile_us(0.99) < 6300);
  CHECK(histogram.percentile_us(1) > 1'000'000'000);
}

TEST_CASE("the buckets for Prometheus grow, and the last of them has all but what took minutes",
          "[metrics]") {
  LatencyHistogram histogram{};
  for (const uint64_t value : {0, 1, 2, 3, 100, 5000, 2'000'000}) histogram.record(value);
  const auto below = histogram.cumulative();
  REQUIRE(below.size() == 27);
  for (size_t i = 1; i < below.size(); ++i) {
    CHECK(below[i].microseconds == 2 * below[i - 1].microseconds + 1);
    CHECK(below[i].count >= below[i - 1].count);
  }
  CHECK(below.front().count == 2);
  CHECK(below.at(1).count == 4);
  CHECK(below.back().count == 7);
  CHECK(histogram.estimated_sum_us() >= 2'005'106);
  CHECK(histogram.estimated_sum_us() <= 2'005'106 * 1.25);
}

TEST_CASE("one histogram added to another is as if all had been recorded in one", "[metrics]") {
  LatencyHistogram sum{};
  LatencyHistogram other{};
  for (int i = 0; i < 10; ++i) sum.record(10);
  for (int i = 0; i < 30; ++i) other.record(5000);
  sum.add(other);
  CHECK(sum.count() == 40);
  CHECK(sum.percentile_us(0.25) < 13);
  CHECK(sum.percentile_us(0.5) >= 5000);
  CHECK(other.count() == 30);
}

}  // namespace thaw::latency_histogram_test
