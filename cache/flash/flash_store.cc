#include "cache/flash/flash_store.h"

#include <algorithm>
#include <utility>

namespace thaw {

struct FlashStore::Read {
  ChunkRef ref;
  Fetch fetch;                                  // guarded by mutex_: expedite() may raise it
  Completion<std::optional<SealedChunk>> done;  // guarded by mutex_; empty once answered
  bool has_slot = false;
  Fetch slot;  // what it counted as when it took its slot
  FlashIndex::Place place{};
  uint64_t bytes = 0;  // of its buffer
  TimePoint started{};
  Reads::iterator self{};
};

FlashStore::FlashStore(Parts parts, const Digest& store, uint64_t bytes, FlashLimits limits)
    : parts_(std::move(parts)),
      limits_(limits),
      log_(parts.file, index_, store),
      bytes_(bytes),
      daily_rewrites_(limits.daily_rewrites),
      admission_(limits.rule, bytes * limits.daily_rewrites, parts_.timers.now()),
      read_caps_(limits.reads) {}

FlashStore::~FlashStore() = default;

void FlashStore::find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) {
  if (!index_.find(ref)) return done(std::optional<SealedChunk>());
  const auto read = std::make_shared<Read>(Read{ref, fetch, std::move(done), false, {}});
  bool waits = false;
  {
    MutexLock lock(mutex_);
    waits = !refuses() && waiting_ < limits_.reads_waiting;
    if (waits) {
      ++waiting_;
      queue_.push(fetch.priority, fetch.mount, read);
    }
  }
  if (!waits) return read->done(std::optional<SealedChunk>());
  pump();
}

void FlashStore::expedite(const ChunkRef& ref, const Fetch& fetch) {
  {
    MutexLock lock(mutex_);
    // Called once for each.
    const auto raised = [&](const std::shared_ptr<Read>& read) {
      if (read->ref != ref || read->fetch.priority <= fetch.priority) return false;
      read->fetch = joined(read->fetch, fetch);
      return true;
    };
    queue_.raise(raised, fetch.priority, fetch.mount);
    std::for_each(reads_.begin(), reads_.end(), raised);
  }
  pump();
}

void FlashStore::set_read_slots(const Slots::Caps& caps) {
  {
    MutexLock lock(mutex_);
    read_caps_ = caps;
  }
  pump();
}

// One thread at a time, in a loop: a disk that answers inside the call would recurse otherwise.
void FlashStore::pump() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(pumping_, true)) return;
  }
  while (const std::shared_ptr<Read> read = next_to_start()) start(read);
}

// While the tier is a miss, all that waits is next, and without a slot.
std::shared_ptr<FlashStore::Read> FlashStore::next_to_start() {
  MutexLock lock(mutex_);
  const bool refused = refuses();
  const auto next = queue_.pop([&](Priority priority, uint64_t mount) NO_THREAD_SAFETY_ANALYSIS {
    return refused || slots_.may_take(priority, mount, read_caps_);
  });
  if (!next) {
    pumping_ = false;
    return nullptr;
  }
  --waiting_;
  Read& read = **next;
  read.has_slot = !refused;
  read.slot = read.fetch;
  if (read.has_slot) slots_.take(read.slot.priority, read.slot.mount);
  return *next;
}

void FlashStore::start(const std::shared_ptr<Read>& read) {
  // Again: while it waited, its region may have been overwritten.
  const auto place = read->has_slot ? index_.find(read->ref) : std::nullopt;
  if (!place) return finish(*read, std::nullopt);
  read->place = *place;
  read->started = parts_.timers.now();
  Buffer buffer(place->data_pages * kFlashPage);
  {
    MutexLock lock(mutex_);
    read->self = reads_.insert(reads_.end(), read);
    read->bytes = buffer.size();
    read_bytes_ += read->bytes;
  }
  watch(read->started + limits_.stall);
  const uint64_t offset = log_.geometry().region_offset(place->region) + (place->page + 1) * kFlashPage;
  parts_.file.read(offset, std::move(buffer),
                   [this, read](Result<Buffer> bytes) { read_done(read, std::move(bytes)); });
}

void FlashStore::read_done(const std::shared_ptr<Read>& read, Result<Buffer> bytes) {
  bool wanted = false;
  Fetch fetch;
  {
    MutexLock lock(mutex_);
    fetch = read->fetch;
    wanted = static_cast<bool>(read->done);
    reads_.erase(read->self);
    stalled_ = false;  // it answers
  }
  if (!wanted) return finish(*read, std::nullopt);
  if (!bytes.ok()) {
    count(parts_.counters.errors);
    return finish(*read, std::nullopt);
  }
  bytes->truncate(read->ref.stored_length);
  parts_.cpu.verify({read->ref, std::move(bytes).value()}, fetch,
                    [this, read](Result<SealedChunk> chunk, Buffer&&) { verified(read, std::move(chunk)); });
}

void FlashStore::verified(const std::shared_ptr<Read>& read, Result<SealedChunk> chunk) {
  if (chunk.ok()) return finish(*read, std::move(chunk).value());
  // If it is not there any more, its region was overwritten while it was read: no damage.
  if (index_.remove(read->ref.id, read->place)) count(parts_.counters.errors);
  finish(*read, std::nullopt);
}

// The last step of each read, also of one whose reader was answered before.
void FlashStore::finish(Read& read, std::optional<SealedChunk> chunk) {
  Completion<std::optional<SealedChunk>> done;
  {
    MutexLock lock(mutex_);
    done = std::move(read.done);
    read_bytes_ -= read.bytes;
    if (read.has_slot) slots_.release(read.slot.priority, read.slot.mount);
  }
  pump();
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
  pump();  // what waits is given up too
}

void FlashStore::put(const SealedChunk& chunk) {
  if (index_.contains(chunk.id())) return;
  {
    MutexLock lock(mutex_);
    if (!admission_.wants(chunk.id()) || take(chunk) != Offer::kTaken) {
      ++dropped_;
      return;
    }
  }
  changed_.notify_all();
}

FlashStore::Offer FlashStore::offer(const SealedChunk& chunk) {
  if (index_.contains(chunk.id())) return Offer::kKept;
  Offer offer{};
  {
    MutexLock lock(mutex_);
    offer = take(chunk);
  }
  if (offer == Offer::kTaken) changed_.notify_all();
  return offer;
}

FlashStore::Offer FlashStore::take(const SealedChunk& chunk) {
  const uint64_t bytes = chunk.stored_length();
  if (!ready_ || stopping_ || pausing_) return Offer::kAway;
  if (taken_.contains(chunk.id())) return Offer::kTaken;
  if (pending_bytes_ + bytes > limits_.pending_bytes) return Offer::kFull;
  if (admission_.left(parts_.timers.now()) == 0) return Offer::kSpent;
  admission_.spend(bytes);
  pending_.push_back(chunk);
  pending_bytes_ += bytes;
  taken_.insert(chunk.id());
  return Offer::kTaken;
}

void FlashStore::drop(const SealedChunk& chunk) {
  if (const auto place = index_.find(chunk.ref())) index_.remove(chunk.id(), *place);
}

FlashStore::State FlashStore::state() const {
  MutexLock lock(mutex_);
  const uint64_t left = admission_.left(parts_.timers.now());
  return {ready_, stalled_, index_.size(), written_, dropped_, left, writes_failed_, error_};
}

uint64_t FlashStore::bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

uint64_t FlashStore::buffered_bytes() const {
  MutexLock lock(mutex_);
  return pending_bytes_ + read_bytes_;
}

}  // namespace thaw
