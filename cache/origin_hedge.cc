// A second request beside a slow one, for the same chunk.
#include <algorithm>

#include "cache/origin_job.h"

namespace thaw {

// A timer cannot be taken back, and outlives what it is for: it names the request instead of pointing at it.
void Origin::hedge_at(TimePoint when, const RequestName& slow) {
  parts_.timers.call_at(when, [this, slow] { hedge(slow); });
}

void Origin::hedge(const RequestName& slow) {
  const TimePoint now = parts_.timers.now();
  Attempt* attempt = nullptr;
  std::string root;
  TimePoint deadline;
  {
    MutexLock lock(mutex_);
    Job* job = find_slow(slow);
    if (job == nullptr || roots_.empty() || !hedging_.try_hedge()) return;
    attempt = job->attempts[0].running ? &job->attempts[1] : &job->attempts[0];
    take_slot(*attempt);
    attempt->started = now;
    attempt->running = attempt->is_hedge = true;
    attempt->answered = false;
    attempt->stop = std::stop_source();
    ++counted_.requests;
    ++counted_.hedges;
    if (job->hedges < 0xFFFF) ++job->hedges;
    root = roots_.at(job->turn % roots_.size());
    deadline = std::min(job->fetch.deadline, now + limits_.attempt);
  }
  send(*attempt, root, deadline);
}

// The job, when that request still waits for its answer, alone, and a reader with it.
Origin::Job* Origin::find_slow(const RequestName& slow) {
  const auto [begin, end] = jobs_.equal_range(slow.ref);
  const auto found =
      std::find_if(begin, end, [&slow](const auto& entry) { return entry.second->number == slow.job; });
  if (closed_ || found == end) return nullptr;
  Job& job = *found->second;
  const bool waits = job.sent == slow.sent && !job.decided && job.waits_for() != nullptr;
  const bool wanted = job.fetch.priority == Priority::kDemand && !job.fetch.stop.stop_requested();
  return waits && wanted && may_start(job.fetch.priority, job.fetch.mount) ? &job : nullptr;
}

}  // namespace thaw
