// LatencyHistogram: counts of times in buckets that grow by a quarter each, so that a percentile is right
// within 12 %.
//
// Plain atomics without pointers: it may live in memory shared between processes and be zero-initialised. Any
// thread.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace thaw {

class LatencyHistogram {
 public:
  void record(uint64_t microseconds) {
    buckets_[bucket_of(microseconds)].fetch_add(1, std::memory_order_relaxed);
  }

  // All that `other` has, too.
  void add(const LatencyHistogram& other);

  uint64_t count() const;

  // The upper edge of the bucket in which the given share (0 < share <= 1) of all times is reached, µs; 0
  // when empty.
  uint64_t percentile_us(double share) const;

  struct Below {
    uint64_t microseconds = 0;
    uint64_t count = 0;  // of times up to so many
  };
  // Where the time doubles, from 1 µs to about a minute.
  std::vector<Below> cumulative() const;

  // Of all times, from the buckets' upper edges: up to a quarter too much.
  double estimated_sum_us() const;

 private:
  static constexpr size_t kSteps = 4;              // buckets a doubling
  static constexpr size_t kBuckets = 40 * kSteps;  // up to 2^40 µs

  static size_t bucket_of(uint64_t value) {
    if (value < kSteps) return value;
    const auto doubling = static_cast<size_t>(std::bit_width(value)) - 1;
    const size_t bucket = (doubling - 1) * kSteps + (value >> (doubling - 2) & (kSteps - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t upper_edge_of(size_t bucket);

  std::array<std::atomic<uint64_t>, kBuckets> buckets_;
};

}  // namespace thaw
