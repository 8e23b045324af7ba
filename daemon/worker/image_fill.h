// ImageFill: makes sure that all of an image is on flash, so that it can be read while the store is away.
// What flash lacks is fetched at the lowest priority, no faster than flash writes, and offered to it until it
// lies there, wherever it came from; what cannot be had or written is tried again, and told. Once all is
// there it looks now and then whether it still is. Without a flash tier it fetches all of the image once.
//
// Whoever holds it keeps it going: stop() or letting go of it ends it. Its steps run on the timers' thread,
// its fetches complete on any. What is passed in must outlive the last of them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "cache/flash/flash_store.h"
#include "daemon/worker/fill_room.h"
#include "lib/base/mutex.h"
#include "lib/base/timers.h"

namespace thaw {

// How far a fill has come.
struct FillReport {
  Tier tier = Tier::kMemory;  // where it is kept: flash, or without that tier whatever memory has room for
  uint64_t chunks = 0;        // of the image
  uint64_t kept = 0;          // of these, there; in memory, those that were fetched
  uint64_t left_out = 0;      // flash is too small for them
  uint64_t not_fetched = 0;   // as the last pass ended
  uint64_t not_written = 0;   // the same
  std::string why;            // the same, of one of those that are missing; empty: nothing went wrong
};

class ImageFill : public std::enable_shared_from_this<ImageFill> {
 public:
  static constexpr uint32_t kWindow = 16;  // chunks in flight
  // Bytes that wait to be written, of this image or in all, and no more is fetched.
  static constexpr uint64_t kFlashBacklog = 8ULL << 20;
  static constexpr uint64_t kShareOfFlash = 80;  // percent that all fills together may have
  static constexpr Duration kStep = std::chrono::milliseconds(20);
  static constexpr Duration kFetchTime = std::chrono::seconds(60);
  // Between two passes while something is missing: the first, doubled up to the longest; and when all is
  // there.
  static constexpr Duration kFirstPause = std::chrono::seconds(1);
  static constexpr Duration kLongestPause = std::chrono::minutes(1);
  static constexpr Duration kLookAgain = std::chrono::minutes(10);

  struct Parts {
    ChunkSource& source;
    Timers& timers;
    FlashStore* flash;  // nullptr: there is no such tier
    FillRoom& room;     // of all fills; their steps share a thread
  };
  struct Plan {
    std::string image;             // for people
    std::vector<ChunkRef> chunks;  // all of the image; one may stand there more than once
    uint64_t mount = 0;            // who it is charged to
    // Told where each chunk came from; may be empty.
    std::function<void(const Fetched&)> fetched;
  };

  static std::shared_ptr<ImageFill> start(const Parts& parts, Plan plan);

  // Asks for nothing more. Any thread.
  void stop() { stopped_ = true; }
  FillReport report() const EXCLUDES(mutex_);

  ~ImageFill();
  ImageFill(const ImageFill&) = delete;
  ImageFill& operator=(const ImageFill&) = delete;

 private:
  ImageFill(const Parts& parts, Plan plan);

  void step();
  void begin_pass();
  bool take_room(size_t chunk, uint64_t most);
  void give_room_back();
  void take_arrived() EXCLUDES(mutex_);
  // What came since the last step.
  std::vector<Result<Fetched>> arrivals() EXCLUDES(mutex_);
  void offer_held();
  FlashStore::Offer offer(const SealedChunk& chunk);
  // Ends the pass when what is in flight has come: the rest would fare no better.
  void give_up(uint64_t& count, std::string why);
  void give_up_without_flash();
  void ask();
  bool may_ask() const EXCLUDES(mutex_);
  void arrived(Result<Fetched> result) EXCLUDES(mutex_);
  bool pass_ended() const EXCLUDES(mutex_);
  // How long to wait for the next one; zero: there is none.
  Duration end_pass() EXCLUDES(mutex_);
  FillReport blank() const;
  void tell(const FillReport& report);
  bool is_kept(const ChunkId& id) const;
  void call_step(Duration after);

  const Parts parts_;
  const Plan plan_;
  std::atomic<bool> stopped_{false};

  // Of the timers' thread.
  bool passing_ = false;
  std::vector<ChunkRef> todo_;     // of this pass, last one first
  std::vector<SealedChunk> held_;  // fetched, and not on flash yet
  uint64_t held_bytes_ = 0;
  std::vector<bool> has_room_;  // of plan_.chunks, in parts_.room
  FillReport pass_;
  std::unordered_set<ChunkId, ChunkIdHash> fetched_;  // without a flash tier
  Duration pause_ = kFirstPause;
  std::string told_;  // in the log

  mutable Mutex mutex_;
  uint32_t in_flight_ GUARDED_BY(mutex_) = 0;
  std::vector<Result<Fetched>> arrived_ GUARDED_BY(mutex_);
  FillReport report_ GUARDED_BY(mutex_);
};

}  // namespace thaw
