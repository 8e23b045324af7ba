#include "lib/metrics/latency_histogram.h"

#include <cmath>

namespace thaw {

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    buckets_.at(bucket).fetch_add(other.buckets_.at(bucket).load(std::memory_order_relaxed),
                                  std::memory_order_relaxed);
  }
}

uint64_t LatencyHistogram::count() const {
  uint64_t sum = 0;
  for (const auto& bucket : buckets_) sum += bucket.load(std::memory_order_relaxed);
  return sum;
}

uint64_t LatencyHistogram::upper_edge_of(size_t bucket) {
  if (bucket < kSteps) return bucket;
  const size_t doubling = bucket / kSteps + 1;
  const uint64_t step = uint64_t{1} << (doubling - 2);
  return (uint64_t{1} << doubling) + step * (bucket % kSteps + 1) - 1;
}

uint64_t LatencyHistogram::percentile_us(double share) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count())));
  uint64_t seen = 0;
  for (size_t bucket = 0; wanted > 0 && bucket < kBuckets; ++bucket) {
    seen += buckets_.at(bucket).load(std::memory_order_relaxed);
    if (seen >= wanted) return upper_edge_of(bucket);
  }
  return 0;
}

std::vector<LatencyHistogram::Below> LatencyHistogram::cumulative() const {
  constexpr uint64_t kLongest = 1ULL << 26;
  std::vector<Below> result;
  uint64_t seen = 0;
  uint64_t next = 1;
  for (size_t bucket = 0; bucket < kBuckets && next <= kLongest; ++bucket) {
    seen += buckets_.at(bucket).load(std::memory_order_relaxed);
    if (upper_edge_of(bucket) + 1 < 2 * next) continue;
    result.push_back({upper_edge_of(bucket), seen});
    next *= 2;
  }
  return result;
}

double LatencyHistogram::estimated_sum_us() const {
  double sum = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    sum += static_cast<double>(upper_edge_of(bucket)) *
           static_cast<double>(buckets_.at(bucket).load(std::memory_order_relaxed));
  }
  return sum;
}

}  // namespace thaw
