// The writer thread of FlashStore.
#include <utility>

#include "cache/flash/flash_store.h"

namespace thaw {

void FlashStore::run() {
  open_log();
  bool more = true;
  while (more) {
    const std::vector<SealedChunk> batch = take_batch();
    apply_resize();
    if (!batch.empty()) write_batch(batch);
    {
      MutexLock lock(mutex_);
      more = !batch.empty() || !stopping_;
    }
    sync_when_due(more ? limits_.sync_every : Duration{});
  }
}

void FlashStore::sync_when_due(Duration after) {
  if (!log_.is_unsynced() || steady_clock().now() - synced_ < after) return;
  const Status done = log_.sync();
  synced_ = steady_clock().now();
  MutexLock lock(mutex_);
  pause_after(done);
}

void FlashStore::pause_after(const Status& done) {
  error_ = done.ok() ? "" : done.error().message;
  if (done.ok() || stopping_) return;
  count(parts_.counters.errors);
  changed_.wait_for(mutex_, limits_.pause);
  error_.clear();  // the next chunk tries again
}

void FlashStore::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  pump();  // what waits is a miss now
  changed_.notify_all();
}

// A device that cannot be read at first may come back.
void FlashStore::open_log() {
  while (true) {
    const Status opened = log_.open();
    MutexLock lock(mutex_);
    error_ = opened.ok() ? "" : opened.error().message;
    ready_ = opened.ok();
    written_ = log_.written_bytes();
    if (ready_ || stopping_) return;
    count(parts_.counters.errors);
    changed_.wait_for(mutex_, limits_.pause);
    if (stopping_) return;
  }
}

// Waits for a chunk, and then a little for more; empty when it is time to stop, or to sync.
std::vector<SealedChunk> FlashStore::take_batch() {
  std::vector<SealedChunk> batch;
  MutexLock lock(mutex_);
  writing_ = false;
  changed_.notify_all();
  while (pending_.empty() && !stopping_ && !wanted_bytes_) {
    if (log_.is_unsynced()) {
      changed_.wait_for(mutex_, limits_.sync_every);
      if (pending_.empty()) return batch;
    } else {
      changed_.wait(mutex_);
    }
  }
  const TimePoint until = steady_clock().now() + limits_.batch_wait;
  while (pending_bytes_ < limits_.batch_bytes && !stopping_ && !wanted_bytes_ &&
         steady_clock().now() < until) {
    changed_.wait_for(mutex_, until - steady_clock().now());
  }
  uint64_t bytes = 0;
  while (!pending_.empty() && bytes < limits_.batch_bytes) {
    bytes += pending_.front().stored_length();
    batch.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  pending_bytes_ -= bytes;
  writing_ = !batch.empty();
  return batch;
}

void FlashStore::write_batch(const std::vector<SealedChunk>& batch) {
  const uint64_t before = log_.written_bytes();
  const uint64_t evicted_before = log_.evicted();
  const Status written = log_.append(batch);
  count(parts_.counters.evictions, log_.evicted() - evicted_before);
  uint64_t chunk_bytes = 0;
  for (const SealedChunk& chunk : batch) chunk_bytes += chunk.stored_length();
  MutexLock lock(mutex_);
  written_ = log_.written_bytes();
  // Headers, footers and what is written again when its region goes wear the flash as well.
  const uint64_t more = written_ - before;
  if (more > chunk_bytes) admission_.spend(more - chunk_bytes);
  if (!written.ok() && !stopping_) {
    dropped_ += batch.size() + pending_.size();
    pending_.clear();
    pending_bytes_ = 0;
  }
  pause_after(written);
}

void FlashStore::apply_resize() {
  uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    if (!wanted_bytes_) return;
    bytes = *wanted_bytes_;
  }
  Status done = log_.resize(bytes);
  MutexLock lock(mutex_);
  if (done.ok()) {
    bytes_ = bytes;
    admission_.set_daily(bytes_ * daily_rewrites_);
  }
  resized_ = std::move(done);
  wanted_bytes_.reset();
  changed_.notify_all();
}

Status FlashStore::resize(uint64_t bytes) {
  const TimePoint until = steady_clock().now() + limits_.resize;
  MutexLock lock(mutex_);
  if (!ready_) return Error{Code::kFailed, "the flash tier is not ready: " + error_};
  wanted_bytes_ = bytes;
  changed_.notify_all();
  while (wanted_bytes_ && steady_clock().now() < until) changed_.wait_for(mutex_, limits_.batch_wait);
  if (wanted_bytes_)
    return Error{Code::kTimedOut, "the flash device does not answer; its size will change later"};
  return resized_;
}

void FlashStore::set_admission(FlashRule rule, uint32_t daily_rewrites) {
  MutexLock lock(mutex_);
  daily_rewrites_ = daily_rewrites;
  admission_.set_rule(rule);
  admission_.set_daily(bytes_ * daily_rewrites_);
}

void FlashStore::wait_until_written() {
  MutexLock lock(mutex_);
  while ((!pending_.empty() || writing_ || !ready_) && !stopping_)
    changed_.wait_for(mutex_, limits_.batch_wait);
}

}  // namespace thaw
