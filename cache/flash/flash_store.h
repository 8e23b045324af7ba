// FlashStore: the flash tier, a ChunkStore on one file or block device that is warm again after a crash.
// Chunks are written when they arrive; a chunk that is read is verified by its id on `cpu`, so that whatever
// a disk returns is never more than a miss. Reads that wait for their turn are served as Slots and FairQueue
// say: no mount keeps another from its chunks.
//
// Owned by the daemon's wiring. find(), put() and drop() may be called on any thread and never wait;
// completions run on `cpu`, on a timer's thread or inside the call. One thread, given by daemon/, runs run():
// it reads what an earlier process left and then writes; until it has, everything is a miss. No lock is held
// across a completion or a request to the disk. REQUIRES at destruction: run() has returned; file, cpu and
// timers complete nothing any more.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "cache/cpu_queue.h"
#include "cache/expedite.h"
#include "cache/fair_queue.h"
#include "cache/flash/flash_admission.h"
#include "cache/flash/flash_index.h"
#include "cache/flash/flash_log.h"
#include "cache/slots.h"
#include "lib/base/mutex.h"
#include "lib/base/timers.h"
#include "lib/chunk/chunk_store.h"
#include "lib/io/disk_file.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

struct FlashLimits {
  uint64_t pending_bytes = 32ULL << 20;  // accepted and not yet written; what comes beyond is dropped
  uint64_t batch_bytes = 4ULL << 20;     // written at once
  Duration batch_wait = std::chrono::milliseconds(300);  // so long a chunk waits for others at most
  // So long a sealed region may be lost with the power. Not at once: what a device is told to make durable,
  // its reads wait for.
  Duration sync_every = std::chrono::seconds(1);
  // A read holds its slot, and its buffer of one chunk, until what the disk answered was verified.
  Slots::Caps reads = Slots::caps(128);
  uint32_t reads_waiting = 4096;  // for a slot; more are misses
  Duration stall =
      std::chrono::milliseconds(800);         // a read that takes longer is a miss, and so are all others
  Duration resize = std::chrono::seconds(5);  // a larger or smaller tier must be ready by then
  Duration pause = std::chrono::seconds(1);   // after a write that failed, or a first try to open the log
  Duration longest_pause = std::chrono::minutes(1);  // between tries to open it: each is twice the last one
  Duration trouble = std::chrono::minutes(1);        // with writing is over when so long no write has failed
  uint32_t daily_rewrites = 10;                      // how often a day the whole file may be written
  FlashRule rule = FlashRule::kAll;
};

class FlashStore final : public ChunkStore, public Expedite {
 public:
  struct Parts {
    DiskFile& file;
    CpuQueue& cpu;
    Timers& timers;
    TierCounters& counters;  // errors: reads that failed or held other bytes, writes that failed
    // Has `file` open its device and gives its size; before each try to read the log, with nothing under way
    // on it. Empty: it is open, and stays so.
    std::function<Result<uint64_t>()> open = {};
    // Told why the log cannot be opened, as often as the reason changes, and then that it was.
    std::function<void(const Status&)> opened = {};
    // Told of the first write that fails, and that trouble with writing is over.
    std::function<void(const Status&)> written = {};
  };
  struct State {
    bool ready = false;  // the file was read; else everything is a miss
    bool stalled = false;
    uint64_t chunks = 0;
    uint64_t written_bytes = 0;  // since the start
    uint64_t dropped = 0;        // chunks that were not written: budget, rule, or too many at once
    uint64_t budget_left = 0;    // of the daily one, bytes
    uint64_t writes_failed = 0;  // since the start, syncs among them
    std::string error;           // of the last write, or try to open the log; empty when it was good
  };

  // `store`: whose chunks these are; a log of another store is started anew. `bytes`: the file's size, until
  // Parts::open says otherwise.
  FlashStore(Parts parts, const Digest& store, uint64_t bytes, FlashLimits limits = {});
  ~FlashStore() override;

  void find(const ChunkRef& ref, const Fetch& fetch, Completion<std::optional<SealedChunk>> done) override;
  void put(const SealedChunk& chunk) override;
  void drop(const SealedChunk& chunk) override;
  void expedite(const ChunkRef& ref, const Fetch& fetch) override EXCLUDES(mutex_);

  // What became of a chunk that somebody must have here, and offers again until it is.
  enum class Offer : uint8_t {
    kKept,   // it can be found
    kTaken,  // it will be written, unless the disk fails
    kFull,   // too much waits to be written; soon
    kSpent,  // of the daily budget nothing is left
    kAway,   // the log was not read yet, or the disk fails
  };
  // As put(), but not silent; what the rule says does not matter.
  Offer offer(const SealedChunk& chunk) EXCLUDES(mutex_);
  bool holds(const ChunkId& id) const { return index_.contains(id); }
  // The file's size.
  uint64_t bytes() const EXCLUDES(mutex_);

  // Reads what there is, then writes what is put, until stop(). Blocks on the disk.
  void run();
  void stop();

  // Where the log could not be opened: at once, and then as often as at first.
  void try_again() EXCLUDES(mutex_);

  // Takes effect before it returns; see FlashLog::resize. kTimedOut when the device does not answer: then it
  // changes nothing, unless the message says so. Blocks, so not on a thread of the tier.
  Status resize(uint64_t bytes);

  // Which chunks are written from now on, and how often a day the whole file may be.
  void set_admission(FlashRule rule, uint32_t daily_rewrites);

  // How many reads hold a slot at most, from now on.
  void set_read_slots(const Slots::Caps& caps) EXCLUDES(mutex_);

  State state() const;
  // Chunk bytes that wait to be written or that reads in flight hold.
  uint64_t buffered_bytes() const;
  // Until all that was put has been written or dropped. For tests.
  void wait_until_written();

 private:
  struct Read;
  using Reads = std::list<std::shared_ptr<Read>>;

  void pump() EXCLUDES(mutex_);
  std::shared_ptr<Read> next_to_start() EXCLUDES(mutex_);
  bool refuses() const REQUIRES(mutex_) { return !ready_ || stalled_ || stopping_; }
  void start(const std::shared_ptr<Read>& read);
  void read_done(const std::shared_ptr<Read>& read, Result<Buffer> bytes);
  void verified(const std::shared_ptr<Read>& read, Result<SealedChunk> chunk);
  void finish(Read& read, std::optional<SealedChunk> chunk) EXCLUDES(mutex_);
  void watch(TimePoint when) EXCLUDES(mutex_);
  void sweep() EXCLUDES(mutex_);

  Offer take(const SealedChunk& chunk) REQUIRES(mutex_);
  void open_log() EXCLUDES(mutex_);
  Status try_to_open() EXCLUDES(mutex_);
  // False when there is no more time for it.
  bool wait_to_open(Duration& pause) EXCLUDES(mutex_);
  // A file of `bytes`: what was spent of the daily budget goes on from there in the next process.
  void resume_ledger(uint64_t bytes) EXCLUDES(mutex_);
  Status write_ledger() EXCLUDES(mutex_);
  void apply_resize() EXCLUDES(mutex_);
  std::vector<SealedChunk> take_batch() EXCLUDES(mutex_);
  void write_batch(const std::vector<SealedChunk>& batch);
  void sync_when_due(Duration after);
  // Nothing is taken for a while.
  void pause_after(const Error& failed) REQUIRES(mutex_);
  void tell_written(const Status& done);

  const Parts parts_;
  const FlashLimits limits_;
  FlashIndex index_;
  FlashLog log_;                  // of the thread in run()
  TimePoint synced_{};            // the same
  bool told_of_trouble_ = false;  // the same
  TimePoint failed_{};            // the same: when a write last failed

  mutable Mutex mutex_;
  CondVar changed_;
  bool ready_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  bool hurried_ GUARDED_BY(mutex_) = false;  // the next try to open the log is due
  bool writing_ GUARDED_BY(mutex_) = false;
  bool pausing_ GUARDED_BY(mutex_) = false;  // after a write that failed
  uint64_t bytes_ GUARDED_BY(mutex_);        // the file's size
  uint32_t daily_rewrites_ GUARDED_BY(mutex_);
  mutable FlashAdmission admission_ GUARDED_BY(mutex_);
  std::deque<SealedChunk> pending_ GUARDED_BY(mutex_);
  std::unordered_set<ChunkId, ChunkIdHash> taken_ GUARDED_BY(mutex_);  // pending or being written
  uint64_t pending_bytes_ GUARDED_BY(mutex_) = 0;
  FairQueue<std::shared_ptr<Read>> queue_ GUARDED_BY(mutex_);
  uint32_t waiting_ GUARDED_BY(mutex_) = 0;  // how many are in queue_
  Slots slots_ GUARDED_BY(mutex_);
  Slots::Caps read_caps_ GUARDED_BY(mutex_);
  bool pumping_ GUARDED_BY(mutex_) = false;
  Reads reads_ GUARDED_BY(mutex_);  // the disk has them, oldest first; those that were given up too
  uint64_t read_bytes_ GUARDED_BY(mutex_) = 0;
  bool watching_ GUARDED_BY(mutex_) = false;
  bool stalled_ GUARDED_BY(mutex_) = false;
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
  uint64_t written_ GUARDED_BY(mutex_) = 0;
  uint64_t writes_failed_ GUARDED_BY(mutex_) = 0;
  std::string error_ GUARDED_BY(mutex_);
  std::optional<uint64_t> wanted_bytes_ GUARDED_BY(mutex_);  // a resize that the writer has yet to do
  bool resizing_ GUARDED_BY(mutex_) = false;                 // the writer does it
  Status resized_ GUARDED_BY(mutex_);                        // how the last one ended
};

}  // namespace thaw
