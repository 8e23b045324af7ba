// NodeHealth: whether one node is worth asking. In: its replies of the last seconds are counted, and too many
// bad or late ones make it `failing`. Out: not asked, but for a probe now and then. On trial: asked again,
// and out at once with a longer wait when one of its first replies is bad.
//
// Who owns it decides whether a failing node is ejected. Belongs to the loop's thread; times come from
// outside.
#pragma once

#include <array>
#include <cstdint>
#include <random>

#include "cache/zone/zone_limits.h"

namespace thaw {

class NodeHealth {
 public:
  NodeHealth(const HealthLimits& limits, uint64_t seed)
      : limits_(limits),
        random_(static_cast<std::minstd_rand::result_type>(seed)),
        probe_after_(limits.first_probe) {}

  enum class Reply : uint8_t { kGood, kBad };  // late is bad
  void record(Reply reply, TimePoint now);

  bool is_out() const { return state_ == State::kOut; }
  bool is_failing(TimePoint now) const;

  // Takes it out. How long until it is to be probed: doubling, with jitter.
  // REQUIRES: !is_out()
  Duration eject();
  // The probe failed. The same. REQUIRES: is_out()
  Duration probe_failed() { return next_probe(); }
  // The probe was answered. REQUIRES: is_out()
  void readmit();

 private:
  enum class State : uint8_t { kIn, kOut, kTrial };
  struct Bucket {
    int64_t number = -1;  // which step of the clock it counts
    uint32_t replies = 0;
    uint32_t bad = 0;
  };
  static constexpr size_t kBuckets = 10;

  int64_t number_of(TimePoint now) const;
  Duration next_probe();

  const HealthLimits limits_;
  State state_ = State::kIn;
  std::array<Bucket, kBuckets> buckets_{};
  uint32_t trial_good_ = 0;
  bool trial_failed_ = false;
  std::minstd_rand random_;
  Duration probe_after_;
};

}  // namespace thaw
