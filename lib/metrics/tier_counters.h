// TierCounters, ImageCounters: what `thaw stats` and `thaw ps` count, as plain atomics without pointers, so
// that they may live in memory shared between processes and be zero-initialised. Owned by the daemon; the
// parts that count are given a reference. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "lib/metrics/latency_histogram.h"

namespace thaw {

// Each has cache lines of its own: cores that count different things do not wait for each other.
// Whole chunks. For the origin, hits are chunks fetched and bytes what all answers took on the wire.
struct alignas(64) TierCounters {
  std::atomic<uint64_t> hits;
  std::atomic<uint64_t> misses;
  std::atomic<uint64_t> errors;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> evictions;  // chunks that made room for others
  std::atomic<uint64_t> in_flight;  // a gauge: look-ups that are under way; 0 for memory and the origin
  // Of hits. For memory, of reads that needed nothing else, from their arrival to their answer.
  alignas(64) LatencyHistogram latency;
};

struct ImageCounters {
  std::array<std::atomic<uint64_t>, 4> bytes_answered;  // to readers, by the Tier that had the chunk
  std::atomic<uint64_t> zeros_answered;                 // bytes, of which nothing is stored
  std::array<std::atomic<uint64_t>, 4>
      chunks_fetched;  // by Tier, for readers or ahead of them; in memory, found
  std::array<std::atomic<uint64_t>, 4> bytes_fetched;  // the same; not counted for memory

  uint64_t bytes_read() const {
    uint64_t sum = zeros_answered.load(std::memory_order_relaxed);
    for (const auto& bytes : bytes_answered) sum += bytes.load(std::memory_order_relaxed);
    return sum;
  }
};

inline void count(std::atomic<uint64_t>& counter, uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace thaw
