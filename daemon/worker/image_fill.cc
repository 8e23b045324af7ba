#include "daemon/worker/image_fill.h"

#include <algorithm>

namespace thaw {

void ImageFill::start(const Parts& parts, PrefetchPlan plan) {
  std::shared_ptr<ImageFill> fill(new ImageFill(parts, std::move(plan)));
  parts.timers.call_at(parts.timers.now(), [fill] { fill->step(); });
}

void ImageFill::step() {
  const bool arrived = !batch_ || batch_->finished();
  const bool room = parts_.flash == nullptr || parts_.flash->buffered_bytes() < kFlashBacklog;
  if (arrived && room) {
    if (next_ == plan_.chunks.size()) return;
    PrefetchPlan batch{{}, plan_.fetch, plan_.window, plan_.helps, plan_.asked, plan_.fetched};
    const size_t end = std::min(next_ + kBatch, plan_.chunks.size());
    batch.chunks.assign(plan_.chunks.begin() + static_cast<ptrdiff_t>(next_),
                        plan_.chunks.begin() + static_cast<ptrdiff_t>(end));
    next_ = end;
    batch_ = Prefetch::start(parts_.source, std::move(batch));
  }
  parts_.timers.call_at(parts_.timers.now() + kStep, [self = shared_from_this()] { self->step(); });
}

}  // namespace thaw
