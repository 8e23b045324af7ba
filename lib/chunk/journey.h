// Journey: what a fetch that missed memory went through, for `thaw explain`. Travels with the chunk; all zero
// for a chunk that memory had. Times are microseconds.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>

#include "lib/base/clock.h"

namespace thaw {

enum class Tier : uint8_t { kMemory, kFlash, kZone, kOrigin };
inline constexpr size_t kTierCount = 4;
// As users see them; by Tier.
inline constexpr std::array<const char*, kTierCount> kTierNames = {"memory", "flash", "zone", "origin"};

struct Journey {
  std::array<uint32_t, kTierCount> spent_us{};  // in each tier below memory, found there or not

  // Of the time in the origin:
  uint32_t queued_us = 0;  // for a free request
  uint32_t paused_us = 0;  // after trouble with the store, until it was tried again

  uint16_t requests = 0;  // to the store
  uint16_t hedges = 0;    // of these, second ones beside a slow one
  bool joined = false;    // the fetch was under way for somebody else already, perhaps read ahead

  uint32_t& spent_in(Tier tier) { return spent_us.at(static_cast<size_t>(tier)); }
  uint32_t spent_in(Tier tier) const { return spent_us.at(static_cast<size_t>(tier)); }
};

// Whole microseconds, at most what fits (71 minutes).
inline uint32_t microseconds_of(Duration time) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return static_cast<uint32_t>(std::clamp<int64_t>(us, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace thaw
