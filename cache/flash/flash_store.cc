#include "cache/flash/flash_store.h"

#include <utility>

namespace thaw {

struct FlashStore::Read {
  ChunkRef ref;
  FlashIndex::Place place;
  TimePoint started;
  Reads::iterator self;
  Completion<std::optional<SealedChunk>> done;  // guarded by mutex_; empty once answered
};

FlashStore::FlashStore(Parts parts, const Digest& store, uint64_t bytes, FlashLimits limits)
    : parts_(parts),
      limits_(limits),
      log_(parts.file, index_, store, bytes),
      bytes_(bytes),
      daily_rewrites_(limits.daily_rewrites),
      admission_(limits.rule, bytes * limits.daily_rewrites, parts.timers.now()) {}

FlashStore::~FlashStore() = default;

void FlashStore::find(const ChunkRef& ref, const Fetch& /*fetch*/,
                      Completion<std::optional<SealedChunk>> done) {
  const auto place = index_.find(ref);
  if (!place) return done(std::optional<SealedChunk>());
  start_read(ref, *place, std::move(done));
}

void FlashStore::start_read(const ChunkRef& ref, const FlashIndex::Place& place,
                            Completion<std::optional<SealedChunk>> done) {
  auto read = std::make_shared<Read>(Read{ref, place, parts_.timers.now(), {}, std::move(done)});
  Buffer buffer(place.data_pages * kFlashPage);
  bool refused = false;
  {
    MutexLock lock(mutex_);
    refused = !ready_ || stalled_ || stopping_ || reads_.size() >= limits_.reads_in_flight;
    if (!refused) {
      read->self = reads_.insert(reads_.end(), read);
      read_bytes_ += buffer.size();
    }
  }
  if (refused) return answer(*read, std::nullopt);
  watch(read->started + limits_.stall);
  const uint64_t offset = log_.geometry().region_offset(place.region) + (place.page + 1) * kFlashPage;
  parts_.file.read(offset, std::move(buffer),
                   [this, read](Result<Buffer> bytes) { read_done(read, std::move(bytes)); });
}

void FlashStore::read_done(const std::shared_ptr<Read>& read, Result<Buffer> bytes) {
  bool wanted = false;
  {
    MutexLock lock(mutex_);
    wanted = static_cast<bool>(read->done);
    reads_.erase(read->self);
    read_bytes_ -= read->place.data_pages * kFlashPage;
    stalled_ = false;  // it answers
  }
  if (!wanted) return;
  if (!bytes.ok()) {
    count(parts_.counters.errors);
    return answer(*read, std::nullopt);
  }
  parts_.cpu.post(
      [this, read, buffer = std::move(bytes).value()]() mutable { verify(read, std::move(buffer)); });
}

void FlashStore::verify(const std::shared_ptr<Read>& read, Buffer bytes) {
  bytes.truncate(read->ref.stored_length);
  auto chunk = SealedChunk::verify(read->ref, std::move(bytes));
  if (chunk.ok()) return answer(*read, std::move(chunk).value());
  // If it is not there any more, its region was overwritten while it was read: no damage.
  if (index_.remove(read->ref.id, read->place)) count(parts_.counters.errors);
  answer(*read, std::nullopt);
}

void FlashStore::answer(Read& read, std::optional<SealedChunk> chunk) {
  Completion<std::optional<SealedChunk>> done;
  {
    MutexLock lock(mutex_);
    done = std::move(read.done);
  }
  if (done) done(std::move(chunk));
}

void FlashStore::watch(TimePoint when) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(watching_, true)) return;
  }
  parts_.timers.call_at(when, [this] { sweep(); });
}

// Gives up the reads that the device does not answer; the device is asked nothing more until one of them
// ends.
void FlashStore::sweep() {
  std::vector<Completion<std::optional<SealedChunk>>> given_up;
  std::optional<TimePoint> next;
  {
    MutexLock lock(mutex_);
    watching_ = false;
    const TimePoint now = parts_.timers.now();
    for (const auto& read : reads_) {
      if (read->started + limits_.stall > now) {
        next = read->started + limits_.stall;
        break;
      }
      stalled_ = true;
      if (read->done) given_up.push_back(std::move(read->done));
    }
  }
  if (next) watch(*next);
  for (auto& done : given_up) {
    count(parts_.counters.errors);
    done(std::optional<SealedChunk>());
  }
}

void FlashStore::put(const SealedChunk& chunk) {
  if (index_.contains(chunk.id())) return;
  {
    MutexLock lock(mutex_);
    const uint64_t bytes = chunk.stored_length();
    const bool room =
        ready_ && !stopping_ && error_.empty() && pending_bytes_ + bytes <= limits_.pending_bytes;
    if (!room || !admission_.admits(chunk.id(), parts_.timers.now())) {
      ++dropped_;
      return;
    }
    admission_.spend(bytes);
    pending_.push_back(chunk);
    pending_bytes_ += bytes;
  }
  changed_.notify_all();
}

void FlashStore::drop(const SealedChunk& chunk) {
  if (const auto place = index_.find(chunk.ref())) index_.remove(chunk.id(), *place);
}

FlashStore::State FlashStore::state() const {
  MutexLock lock(mutex_);
  return {ready_, stalled_, index_.size(), written_, dropped_, error_};
}

uint64_t FlashStore::buffered_bytes() const {
  MutexLock lock(mutex_);
  return pending_bytes_ + read_bytes_;
}

}  // namespace thaw
