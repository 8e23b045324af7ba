#include "daemon/worker/root_follower.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "daemon/log/log.h"
#include "lib/base/await.h"

namespace thaw {
namespace {

constexpr Duration kLeastPause = std::chrono::seconds(1);
constexpr Duration kRetry = std::chrono::seconds(30);
constexpr size_t kMaxHits = 64;
constexpr unsigned kLooks = 3;

Result<bool> is_there(Catalog& catalog, const std::string& key) {
  const auto size =
      await<uint64_t>([&](Completion<uint64_t> done) { catalog.store().size_of(key, std::move(done)); });
  if (!size.ok() && size.error().code != Code::kNotFound) return size.error();
  return size.ok();
}

}  // namespace

void RootFollower::note(Finding finding, const std::string& key) {
  const MutexLock lock(mutex_);
  if (finding == Finding::kExpired) noted_.used.emplace(root_of_key(key), key);
  if (finding == Finding::kMissing) noted_.missing = true;
  changed_.notify_one();
}

void RootFollower::check_later(const ChunkRef& hit) {
  const MutexLock lock(mutex_);
  if (noted_.hits.size() >= kMaxHits) return;
  noted_.hits.push_back(hit);
  changed_.notify_one();
}

void RootFollower::hurry() {
  const MutexLock lock(mutex_);
  noted_.hurry = true;
  changed_.notify_one();
}

RootFollower::Noted RootFollower::wait_for_work() {
  const MutexLock lock(mutex_);
  for (;;) {
    const Duration left = next_look_ - steady_clock().now();
    const bool told = noted_.hurry || noted_.missing || !noted_.used.empty() || !noted_.hits.empty();
    if (told || left <= Duration::zero()) break;
    changed_.wait_for(mutex_, left);
  }
  return std::exchange(noted_, {});
}

void RootFollower::run() {
  for (;;) {
    const Noted noted = wait_for_work();
    if (noted.hurry || steady_clock().now() >= next_look_) {
      look();
    } else if (noted.missing) {
      tell("the roots of the store", refresh_roots());
    }
    for (const auto& [root, key] : noted.used) tell("an alarm", raise(root, "a worker reads " + key));
    tell("the check of a cached chunk", check_hits(noted.hits));
    // Whatever happens, the store is not asked without a pause.
    std::this_thread::sleep_for(kLeastPause);
  }
}

void RootFollower::look() {
  Status looked = refresh_roots();
  if (looked.ok()) looked = parts_.leases.renew();
  if (looked.ok()) looked = check_mounts();
  // Before the first build there is no store, and nobody who would miss it.
  const bool concerns_somebody = !roots_.empty() || !parts_.shown().empty();
  if (concerns_somebody) tell("the roots of the store", looked);
  next_look_ = steady_clock().now() + (looked.ok() ? Leases::kRenewed : kRetry);
}

void RootFollower::tell(const char* what, const Status& status) {
  if (!status.ok()) log_warn("{}: {}; it is tried again", what, status.error().message);
}

Status RootFollower::refresh_roots() {
  auto roots = parts_.catalog.readable_roots();
  if (!roots.ok()) return roots.error();
  roots_ = std::move(roots).value();
  std::vector<RootId> ids;
  std::set<RootId> expired;
  for (const Root& root : roots_) {
    ids.push_back(root.id);
    if (root.state == RootState::kExpired) expired.insert(root.id);
  }
  if (!ids.empty()) parts_.set_roots(std::move(ids));
  parts_.set_expired(std::move(expired));
  return {};
}

// A mount belongs to the newest root that holds its manifest, whether its chunks come from there or from a
// cache.
Status RootFollower::check_mounts() {
  for (const Digest& manifest : parts_.shown()) {
    const Root* home = nullptr;
    for (const Root& root : roots_) {
      THAW_ASSIGN(const bool there, is_there(parts_.catalog, manifest_key(root.id, manifest)));
      if (!there) continue;
      home = &root;
      break;
    }
    if (home == nullptr) {
      log_error("manifest {} of a mounted image is in no root of the store any more", manifest.hex());
    } else if (home->state == RootState::kExpired) {
      THAW_TRY(raise(home->id, "a worker has an image mounted from it, manifest " + manifest.hex()));
    }
  }
  return {};
}

Status RootFollower::check_hits(const std::deque<ChunkRef>& hits) {
  for (const ChunkRef& hit : hits) THAW_TRY(check_hit(hit));
  return {};
}

Result<bool> RootFollower::is_in_a_root(const ChunkId& chunk) {
  for (const Root& root : roots_) {
    THAW_ASSIGN(const bool there, is_there(parts_.catalog, chunk_key(root.id, chunk)));
    if (there) return true;
  }
  return false;
}

Status RootFollower::check_hit(const ChunkRef& hit) {
  if (roots_.empty()) return {};
  ++parts_.counters.hits_checked;
  // It may have been copied since, into a root that is newer than the last look.
  for (unsigned looks = 0; looks < kLooks; ++looks) {
    if (looks > 0) THAW_TRY(refresh_roots());
    THAW_ASSIGN(const bool there, is_in_a_root(hit.id));
    if (there) return {};
  }
  ++parts_.counters.hits_missing;
  const std::string why = "chunk " + hit.id.hex() + " is used, and in no root of the store any more";
  log_error("{}; 'thaw scrub' mends what can be mended", why);
  // Of each root that could go next: nothing more may be deleted before somebody has looked.
  for (const Root& root : roots_) {
    if (root.state != RootState::kActive) THAW_TRY(raise(root.id, why));
  }
  return {};
}

Status RootFollower::raise(const RootId& root, const std::string& why) {
  const std::string key = alarm_key(root, parts_.leases.holder());
  if (raised_.contains(root)) {
    THAW_ASSIGN(const bool stands, is_there(parts_.catalog, key));
    if (stands) return {};
  }
  const std::string alarm = write_alarm({root, parts_.leases.holder(), why});
  THAW_ASSIGN(const PutOutcome outcome, parts_.catalog.write(key, as_bytes(alarm), {}));
  (void)outcome;
  raised_.insert(root);
  ++parts_.counters.alarms;
  log_error("alarm: root {} is still needed: {}", root, why);
  return {};
}

}  // namespace thaw
