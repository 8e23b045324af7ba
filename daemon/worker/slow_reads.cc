#include "daemon/worker/slow_reads.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

namespace thaw {
namespace {

std::string origin_reason(const Journey& journey) {
  std::string text = "the store's answer";
  if (journey.requests > journey.hedges + 1U) text += ", " + std::to_string(journey.requests) + " requests";
  if (journey.hedges > 0) text += ", hedged";
  return text;
}

}  // namespace

std::string reason_of(const SlowRead& read) {
  if (!read.error.empty()) return read.error;
  const Journey& journey = read.journey;
  const uint64_t known = std::accumulate(journey.spent_us.begin(), journey.spent_us.end(), uint64_t{0});
  if (journey.joined && known > read.took_us) return "a fetch that was under way for another read";
  const uint64_t in_origin = journey.spent_in(Tier::kOrigin);
  const uint64_t not_asking = uint64_t{journey.queued_us} + journey.paused_us;
  struct Stage {
    uint64_t us;
    std::string words;
  };
  const std::array<Stage, 6> stages = {{
      {journey.spent_in(Tier::kFlash), "flash"},
      {journey.spent_in(Tier::kZone), "the zone"},
      {journey.queued_us, "a free request to the store (origin.in_flight)"},
      {journey.paused_us, "trouble with the store, tried " + std::to_string(journey.requests) + " times"},
      {in_origin - std::min(in_origin, not_asking), origin_reason(journey)},
      {read.took_us - std::min(read.took_us, known), "this worker"},
  }};
  return std::ranges::max_element(stages, {}, &Stage::us)->words;
}

void SlowReads::note(SlowRead read) {
  MutexLock lock(mutex_);
  const auto place =
      std::ranges::find_if(reads_, [&read](const SlowRead& kept) { return kept.took_us < read.took_us; });
  reads_.insert(place, std::move(read));
  if (reads_.size() > kKept) reads_.pop_back();
  if (reads_.size() == kKept) floor_us_.store(reads_.back().took_us, std::memory_order_relaxed);
}

std::vector<SlowRead> SlowReads::slowest() const {
  MutexLock lock(mutex_);
  return reads_;
}

}  // namespace thaw
