// ServedImages: the images that this worker serves: block files for the FUSE session, shown and hidden by the
// mount table.
//
// Owned by the worker. FUSE readers call the BlockFiles part, control threads the ImageHost part; a read that
// is open keeps its image alive.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/counters_page.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/wiring.h"
#include "daemon/worker/failed_reads.h"
#include "daemon/worker/slow_reads.h"
#include "daemon/worker/trace_report.h"
#include "fuse/block_files.h"
#include "lib/image/image_reader.h"
#include "lib/store/open_image.h"

namespace thaw {

enum class Outage : uint8_t {
  kError,  // a read fails at its deadline
  kWait,   // a read waits as long as the store is away
};

// The block file's name of an image: its manifest's digest, and what tells apart the images that wait.
std::string image_key(const Digest& manifest, Outage outage);

// What the mount table keeps of an image, for this worker and the next ones: where its chunks lie, and its
// manifest with the keys. For sealed memory only.
Bytes image_bytes(const OpenedImage& image);

class ServedImages final : public BlockFiles, public ImageHost {
 public:
  // `chain`, `counters` and `clock` outlive it.
  ServedImages(Chain& chain, CountersPage& counters, const Clock& clock, Duration deadline)
      : chain_(chain), counters_(counters), clock_(clock), deadline_(deadline) {}

  // For reads that start from now on.
  void set_deadline(Duration deadline) { deadline_ = deadline; }

  // What is read of an image; nothing when it is not shown.
  std::shared_ptr<FirstReads> first_reads(const std::string& key) const;
  // What guesses what is read next of it; nothing when it is not shown.
  std::shared_ptr<NearbyReads> nearby(const std::string& key) const;

  // What is told of an image beside its counters.
  struct Story {
    std::shared_ptr<const SlowReads> slow_reads;
    std::shared_ptr<const TraceReport> trace;  // nullptr: none was set
    uint32_t chunk_size = 0;
  };
  struct Contents {
    Digest manifest;
    std::vector<ChunkRef> chunks;  // in the device's order
  };
  // Nothing when it is not shown.
  std::optional<Contents> contents(const std::string& key) const;
  // Nothing when it is not shown.
  std::optional<Story> story(const std::string& key) const;
  void set_trace(const std::string& key, std::shared_ptr<const TraceReport> trace);

  // Of what is shown.
  std::vector<Digest> manifests() const;
  // Frees the counters of an image that was to be mounted, and is not.
  void forget_unless_shown(const Digest& manifest);
  // `sample` is told of one in kSampled reads that a cache answered. Before reads are served.
  static constexpr uint32_t kSampled = 10'000;
  void sample_hits(std::function<void(const ChunkRef&)> sample) { sample_ = std::move(sample); }
  // Called when an image is no longer shown. Before reads are served.
  void on_hidden(std::function<void()> call) { hidden_ = std::move(call); }

  Status show(const std::string& key, ByteView image) override;
  void hide(const std::string& key) override;

  std::shared_ptr<const BlockFile> find(uint64_t inode) const override;
  std::vector<BlockFile> list() const override;
  void read(uint64_t inode, uint64_t offset, ReadReply reply) override;

 private:
  struct Served {
    BlockFile file;
    Digest manifest;
    Outage outage;
    ImageCounters& counters;
    std::shared_ptr<FirstReads> first_reads;
    std::shared_ptr<NearbyReads> nearby;
    std::shared_ptr<SlowReads> slow_reads;
    std::shared_ptr<const TraceReport> trace;  // guarded by mutex_
    ImageReader reader;
  };

  std::shared_ptr<Served> served(uint64_t inode) const;
  // One read on its way.
  struct Asked {
    TimePoint start;
    uint64_t inode = 0;
    uint64_t offset = 0;
    uint32_t length = 0;
  };
  Fetch fetch_of(const Asked& asked, const Served& image) const;
  Completion<ReadableRange> answer_with(const Asked& asked, ReadReply reply);
  void answer(const Asked& asked, ReadReply reply, Result<ReadableRange> range);
  void read_again(const Asked& asked, ReadReply reply, ReadableRange damaged);
  void fail(const Asked& asked, ReadReply reply, const Error& error);
  void sample_hit(const ReadableRange& range) const;
  void note_slow(const Asked& asked, uint64_t took_us, SlowRead read) const;
  uint64_t microseconds_since(TimePoint start) const;

  Chain& chain_;
  CountersPage& counters_;
  const Clock& clock_;
  std::atomic<Duration> deadline_;
  std::function<void(const ChunkRef&)> sample_;  // constant once reads are served; so is the next one
  std::function<void()> hidden_;
  FailedReads failed_reads_;

  // A reader-writer lock: every read looks in, and images come and go rarely.
  mutable std::shared_mutex mutex_;
  std::unordered_map<uint64_t, std::shared_ptr<Served>> images_;  // by inode
};

}  // namespace thaw
