#include "cache/zone/node_health.h"

#include <algorithm>

namespace thaw {

int64_t NodeHealth::number_of(TimePoint now) const {
  return now.time_since_epoch() / (limits_.window / static_cast<int>(kBuckets));
}

void NodeHealth::record(Reply reply, TimePoint now) {
  const int64_t number = number_of(now);
  Bucket& bucket = buckets_.at(static_cast<size_t>(number) % kBuckets);
  if (bucket.number != number) bucket = {number, 0, 0};
  ++bucket.replies;
  if (reply == Reply::kBad) ++bucket.bad;
  if (state_ != State::kTrial) return;
  // Where it failed and could not be taken out, it begins anew.
  trial_failed_ = trial_failed_ || reply == Reply::kBad;
  trial_good_ = reply == Reply::kBad ? 0 : trial_good_ + 1;
  if (trial_good_ >= limits_.trial_replies) {
    state_ = State::kIn;
    probe_after_ = limits_.first_probe;
  }
}

bool NodeHealth::is_failing(TimePoint now) const {
  if (state_ == State::kTrial) return trial_failed_;
  uint64_t replies = 0;
  uint64_t bad = 0;
  const int64_t number = number_of(now);
  for (const Bucket& bucket : buckets_) {
    if (bucket.number + static_cast<int64_t>(kBuckets) <= number) continue;
    replies += bucket.replies;
    bad += bucket.bad;
  }
  return replies >= limits_.least_replies && bad * 100 > replies * limits_.bad_percent;
}

Duration NodeHealth::eject() {
  state_ = State::kOut;
  buckets_ = {};
  return next_probe();
}

void NodeHealth::readmit() {
  state_ = State::kTrial;
  trial_good_ = 0;
  trial_failed_ = false;
}

// Between half the wait and all of it, so that a fleet's probes do not come in step.
Duration NodeHealth::next_probe() {
  std::uniform_int_distribution<Duration::rep> wait(probe_after_.count() / 2, probe_after_.count());
  const Duration drawn(wait(random_));
  probe_after_ = std::min(probe_after_ * 2, limits_.longest_probe);
  return drawn;
}

}  // namespace thaw
