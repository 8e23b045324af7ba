#include "cache/prefetch.h"

#include <algorithm>
#include <utility>

namespace thaw {

std::shared_ptr<Prefetch> Prefetch::start(ChunkSource& source, PrefetchPlan plan) {
  plan.fetch.priority = Priority::kPrefetch;
  plan.fetch.stop = {};
  plan.window = std::max(1U, plan.window);
  std::shared_ptr<Prefetch> prefetch(new Prefetch(source, std::move(plan)));
  prefetch->pump();
  return prefetch;
}

// One thread at a time asks, in a loop: chunks that a tier answers inside the call would recurse otherwise.
void Prefetch::pump() {
  {
    MutexLock lock(mutex_);
    if (pumping_) return;
    pumping_ = true;
  }
  size_t chunk = 0;
  while (take_next(chunk)) {
    if (chunk % plan_.window == 0 && plan_.helps && !plan_.helps()) stop();
    asked_.fetch_add(1);
    if (plan_.asked) plan_.asked();
    source_.get(plan_.chunks[chunk], plan_.fetch,
                [self = shared_from_this()](const Result<Fetched>& result) { self->arrived(result); });
  }
}

bool Prefetch::take_next(size_t& chunk) {
  MutexLock lock(mutex_);
  if (stopped_ || in_flight_ >= plan_.window || next_ >= plan_.chunks.size()) {
    pumping_ = false;
    return false;
  }
  ++in_flight_;
  chunk = next_++;
  return true;
}

void Prefetch::arrived(const Result<Fetched>& result) {
  if (result.ok() && plan_.fetched) plan_.fetched(result.value());
  {
    MutexLock lock(mutex_);
    --in_flight_;
  }
  pump();
}

}  // namespace thaw
