// The writer thread of FlashStore.
#include <algorithm>
#include <chrono>
#include <utility>

#include "cache/flash/flash_store.h"

namespace thaw {
namespace {

constexpr uint64_t kDay = 24ULL * 60 * 60;  // seconds

uint64_t unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
}

}  // namespace

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
  Status done = log_.sync();
  if (done.ok()) done = write_ledger();
  synced_ = steady_clock().now();
  // A good one says nothing of what the next chunk will meet.
  if (done.ok()) return;
  tell_written(done);
  MutexLock lock(mutex_);
  pause_after(done.error());
}

void FlashStore::pause_after(const Error& failed) {
  error_ = failed.message;
  ++writes_failed_;
  if (stopping_) return;
  count(parts_.counters.errors);
  pausing_ = true;
  changed_.wait_for(mutex_, limits_.pause);
  pausing_ = false;  // the next chunk tries again
}

// A disk that is nearly full takes one batch and not the next.
void FlashStore::tell_written(const Status& done) {
  const TimePoint now = steady_clock().now();
  if (!done.ok()) failed_ = now;
  if (done.ok() != told_of_trouble_ || (done.ok() && now - failed_ < limits_.trouble)) return;
  told_of_trouble_ = !done.ok();
  if (parts_.written) parts_.written(done);
}

void FlashStore::stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  pump();  // what waits is a miss now
  changed_.notify_all();
}

// A device that is away at first, or cannot be read, may come back.
void FlashStore::open_log() {
  std::string told;
  Duration pause = limits_.pause;
  do {
    const Status opened = try_to_open();
    const std::string why = opened.ok() ? "" : opened.error().message;
    if (std::exchange(told, why) != why && parts_.opened) parts_.opened(opened);
    if (opened.ok()) return;
  } while (wait_to_open(pause));
}

Status FlashStore::try_to_open() {
  uint64_t bytes = this->bytes();
  Status opened;
  if (parts_.open) {
    auto there = parts_.open();
    if (there.ok()) {
      bytes = there.value();
    } else {
      opened = std::move(there).error();
    }
  }
  if (opened.ok()) opened = log_.open(bytes);
  if (opened.ok()) resume_ledger(bytes);
  MutexLock lock(mutex_);
  error_ = opened.ok() ? "" : opened.error().message;
  ready_ = opened.ok();
  written_ = log_.written_bytes();
  if (!ready_ && !stopping_) count(parts_.counters.errors);
  return opened;
}

bool FlashStore::wait_to_open(Duration& pause) {
  MutexLock lock(mutex_);
  const TimePoint until = steady_clock().now() + pause;
  while (!stopping_ && !hurried_ && steady_clock().now() < until)
    changed_.wait_for(mutex_, until - steady_clock().now());
  pause = std::exchange(hurried_, false) ? limits_.pause : std::min(pause * 2, limits_.longest_pause);
  return !stopping_;
}

void FlashStore::try_again() {
  {
    MutexLock lock(mutex_);
    hurried_ = !ready_;
  }
  changed_.notify_all();
}

void FlashStore::resume_ledger(uint64_t bytes) {
  const auto ledger = log_.read_ledger_page();
  MutexLock lock(mutex_);
  bytes_ = bytes;
  admission_.set_daily(bytes_ * daily_rewrites_);
  if (!ledger) return;
  const uint64_t now = unix_seconds();
  // A clock that was set back makes it no older; more than a day makes no difference.
  const uint64_t ago = std::min(kDay, now - std::min(now, ledger->at_unix));
  admission_.resume(ledger->spent, std::chrono::seconds(ago), parts_.timers.now());
}

Status FlashStore::write_ledger() {
  FlashLedger ledger;
  ledger.at_unix = unix_seconds();
  {
    MutexLock lock(mutex_);
    ledger.spent = admission_.spent(parts_.timers.now());
  }
  return log_.write_ledger_page(ledger);
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
  // Before the batch, which was charged when it was taken: whoever kills this process wins nothing by it.
  Status written = write_ledger();
  if (written.ok()) written = log_.append(batch);
  count(parts_.counters.evictions, log_.evicted() - evicted_before);
  uint64_t chunk_bytes = 0;
  for (const SealedChunk& chunk : batch) chunk_bytes += chunk.stored_length();
  tell_written(written);
  MutexLock lock(mutex_);
  written_ = log_.written_bytes();
  // Headers, footers and what is written again when its region goes wear the flash as well.
  const uint64_t more = written_ - before;
  if (more > chunk_bytes) admission_.spend(more - chunk_bytes);
  for (const SealedChunk& chunk : batch) taken_.erase(chunk.id());
  if (!written.ok() && !stopping_) {
    dropped_ += batch.size() + pending_.size();
    pending_.clear();
    taken_.clear();
    pending_bytes_ = 0;
  }
  if (!written.ok()) return pause_after(written.error());
  error_.clear();
}

void FlashStore::apply_resize() {
  uint64_t bytes = 0;
  {
    MutexLock lock(mutex_);
    if (!wanted_bytes_) return;
    bytes = *wanted_bytes_;
    resizing_ = true;
  }
  Status done = log_.resize(bytes);
  MutexLock lock(mutex_);
  resizing_ = false;
  if (done.ok()) {
    bytes_ = bytes;
    admission_.set_daily(bytes_ * daily_rewrites_);
  }
  resized_ = std::move(done);
  if (wanted_bytes_ == bytes) wanted_bytes_.reset();  // else another one has come meanwhile
  changed_.notify_all();
}

Status FlashStore::resize(uint64_t bytes) {
  const TimePoint until = steady_clock().now() + limits_.resize;
  MutexLock lock(mutex_);
  if (!ready_) return Error{Code::kFailed, "the flash tier is not ready: " + error_};
  wanted_bytes_ = bytes;
  changed_.notify_all();
  while (wanted_bytes_ && steady_clock().now() < until) changed_.wait_for(mutex_, limits_.batch_wait);
  if (!wanted_bytes_) return resized_;
  if (resizing_)
    return Error{Code::kTimedOut, "the flash device does not answer; its size will change later"};
  wanted_bytes_.reset();
  return Error{Code::kTimedOut, "the flash device does not answer; try again when it does"};
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
