// TierCounters, ImageCounters: what `thaw stats` and `thaw ps` count, as plain atomics without pointers, so
// that they may live in memory shared between processes and be zero-initialised. Owned by the daemon; the
// parts that count are given a reference. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace thaw {

// Each has cache lines of its own: cores that count different things do not wait for each other.
// Whole chunks. For the origin, hits are chunks fetched and bytes what all answers took on the wire.
struct alignas(64) TierCounters {
  std::atomic<uint64_t> hits;
  std::atomic<uint64_t> misses;
  std::atomic<uint64_t> errors;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> evictions;  // chunks that made room for others
};

struct ImageCounters {
  std::atomic<uint64_t> bytes_read;                     // answered to readers
  std::array<std::atomic<uint64_t>, 4> chunks_fetched;  // by Tier
};

inline void count(std::atomic<uint64_t>& counter, uint64_t by = 1) {
  counter.fetch_add(by, std::memory_order_relaxed);
}

}  // namespace thaw
