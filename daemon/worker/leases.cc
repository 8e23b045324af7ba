#include "daemon/worker/leases.h"

#include "daemon/log/log.h"
#include "lib/base/await.h"

namespace thaw {

Status Leases::Hold::add(const Digest& manifest) {
  held_.push_back(manifest);
  return leases_.list(manifest);
}

Status Leases::list(const Digest& manifest) {
  const MutexLock lock(mutex_);
  held_.insert(manifest);
  while (writing_) changed_.wait(mutex_);
  const bool fresh = steady_clock().now() - written_ < kRenewed;
  if (fresh && listed_.contains(manifest)) return {};
  return write_next();
}

void Leases::drop(const std::vector<Digest>& held) {
  const MutexLock lock(mutex_);
  for (const Digest& manifest : held) held_.erase(held_.find(manifest));
}

Status Leases::renew() {
  const MutexLock lock(mutex_);
  while (writing_) changed_.wait(mutex_);
  return write_next();
}

// One lease at a time is on its way, or an older one could arrive last.
Status Leases::write_next() {
  writing_ = true;
  // In this order: an image is shown before its hold is dropped.
  std::set<Digest> manifests(held_.begin(), held_.end());
  const bool nothing_listed = listed_.empty();
  mutex_.unlock();
  for (const Digest& shown : shown_()) manifests.insert(shown);
  // Who uses nothing, and has said so, need not say it again.
  Status written = manifests.empty() && nothing_listed ? Status() : write(manifests);
  mutex_.lock();
  writing_ = false;
  changed_.notify_all();
  if (written.ok()) {
    listed_ = std::move(manifests);
    written_ = steady_clock().now();
    return {};
  }
  const Code code = written.error().code;
  if (code == Code::kUnreachable || code == Code::kTimedOut) return written;
  if (!std::exchange(told_refused_, true)) {
    log_warn("the lease cannot be written, so that collection does not know what is mounted here: {}",
             written.error().message);
  }
  return {};
}

Status Leases::write(const std::set<Digest>& manifests) {
  const std::string lease = write_lease({holder_, {manifests.begin(), manifests.end()}});
  const PutOptions options{PutIf::kAlways, {}, Durability::kWithSync};
  THAW_ASSIGN(const PutOutcome outcome, catalog_.write(lease_key(holder_), as_bytes(lease), options));
  (void)outcome;
  return {};
}

void Leases::end(Duration patience) {
  {
    const MutexLock lock(mutex_);
    if (listed_.empty()) return;
  }
  const auto lease = std::make_shared<std::string>(write_lease({holder_, {}}));
  const PutOptions options{PutIf::kAlways, {}, Durability::kWithSync};
  auto put = begin<PutOutcome>([&](Completion<PutOutcome> done) {
    catalog_.store().put(
        lease_key(holder_), as_bytes(*lease), options,
        [lease, done = std::move(done)](Result<PutOutcome> outcome) mutable { done(std::move(outcome)); });
  });
  (void)put.wait_for(patience);
}

}  // namespace thaw
