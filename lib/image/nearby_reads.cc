#include "lib/image/nearby_reads.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace thaw {
namespace {

constexpr uint32_t kNoRank = std::numeric_limits<uint32_t>::max();
constexpr int kAverageOver = 8;  // fetches

}  // namespace

void NearbyReads::learn(const std::vector<uint32_t>& path_order) {
  MutexLock lock(mutex_);
  if (learned_.load(std::memory_order_relaxed)) return;
  rank_.assign(map_->entries.size(), kNoRank);
  for (const uint32_t place : path_order) {
    const size_t entry = map_->first_at_or_after(place);
    if (entry == map_->entries.size() || map_->entries[entry].index != place || rank_[entry] != kNoRank)
      continue;
    rank_[entry] = static_cast<uint32_t>(order_.size());
    order_.push_back(static_cast<uint32_t>(entry));
  }
  guessed_ = std::vector<std::atomic<bool>>(map_->entries.size());
  learned_.store(true, std::memory_order_release);
}

void NearbyReads::came_true(size_t entry) {
  if (!guessed_[entry].exchange(false, std::memory_order_relaxed)) return;
  MutexLock lock(mutex_);
  credit_ = std::min(credit_ + kEarned, kMostCredit);
}

void NearbyReads::missed(size_t entry, const Fetch& fetch) {
  if (!learned_.load(std::memory_order_acquire)) return;
  std::vector<uint32_t> guesses;
  {
    MutexLock lock(mutex_);
    guesses = choose(entry);
  }
  for (const uint32_t guess : guesses) ask(guess, fetch);
}

void NearbyReads::guess(uint64_t rank, std::vector<uint32_t>& guesses) {
  if (rank >= order_.size() || credit_ < kCost) return;
  const uint32_t near = order_[rank];
  if (guessed_[near].exchange(true, std::memory_order_relaxed)) return;
  credit_ -= kCost;
  guesses.push_back(near);
}

std::vector<uint32_t> NearbyReads::choose(size_t entry) {
  std::vector<uint32_t> guesses;
  const uint64_t rank = rank_[entry];
  if (rank == kNoRank) return guesses;
  ++misses_;
  // A reader whose guesses all failed may try again, once in a while.
  if (misses_ % kProbeEach == 0) credit_ = std::max(credit_, kCost);
  const uint32_t most = reach();
  for (uint32_t distance = 1; distance <= most; ++distance) {
    guess(rank + distance, guesses);
    if (rank >= distance) guess(rank - distance, guesses);
  }
  return guesses;
}

uint32_t NearbyReads::reach() {
  if (samples_ < kSamples) return 1;
  if (average_ >= kFar) return kReach;
  return misses_ % kProbeEach == 0 ? 1 : 0;
}

void NearbyReads::ask(uint32_t entry, const Fetch& fetch) {
  const bool asked = fetch_ahead(parts_, map_->entries[entry].ref, fetch,
                                 [self = shared_from_this(), start = clock_.now()](
                                     const Result<Fetched>& result) { self->arrived(start, result); });
  if (asked) return;
  guessed_[entry].store(false, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  credit_ = std::min(credit_ + kCost, kMostCredit);
}

void NearbyReads::arrived(TimePoint start, const Result<Fetched>& result) {
  if (!result.ok() || result->tier == Tier::kMemory) return;
  const Duration took = clock_.now() - start;
  MutexLock lock(mutex_);
  average_ = samples_ == 0 ? took : average_ + (took - average_) / kAverageOver;
  samples_ = std::min(samples_ + 1, kSamples);
}

}  // namespace thaw
