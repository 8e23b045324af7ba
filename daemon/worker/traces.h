// Traces: records in which order a newly mounted image's chunks are read first, keeps that with the image in
// the store, and replays it as prefetch when the image is mounted cold again, on this worker or another one.
// Also fetches the order of the image's paths, from which reads without a trace are guessed.
//
// Owned by the worker. Any thread may call; nothing here waits for the store. A trace that cannot be read,
// opened or written is no error to anybody.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "cache/prefetch.h"
#include "daemon/counters_page.h"
#include "daemon/wiring.h"
#include "daemon/worker/trace_report.h"
#include "lib/base/timers.h"
#include "lib/image/first_reads.h"
#include "lib/image/nearby_reads.h"
#include "lib/manifest/trace.h"
#include "lib/store/open_image.h"

namespace thaw {

enum class Replay : uint8_t { kYes, kNo };

class Traces {
 public:
  static constexpr Duration kRecorded = std::chrono::seconds(10);  // after the mount, at least
  // A start from a far store takes longer: it is recorded until nothing new was read for kQuiet, or kLongest.
  static constexpr Duration kQuiet = std::chrono::seconds(2);
  static constexpr Duration kLongest = std::chrono::seconds(60);
  static constexpr double kCovered = 0.8;    // of the first reads; a trace that names less is recorded anew
  static constexpr size_t kLeastChunks = 4;  // fewer are not worth a trace

  struct Parts {
    ObjectStore& store;
    Chain& chain;
    CountersPage& counters;
    Timers& timers;
    uint32_t window;  // chunks in flight for one image, at first
  };
  struct Episode;  // of one image, from its first mount until its trace is recorded

  // What there is to say about the image's trace.
  static std::shared_ptr<const TraceReport> report(const std::shared_ptr<Episode>& episode);

  explicit Traces(const Parts& parts) : parts_(parts), window_(parts.window) {}

  // Chunks in flight for one image, for what is begun from now on.
  void set_window(uint32_t window) { window_ = window; }

  // An image whose trace shall be recorded, whatever is known of it.
  static std::shared_ptr<Episode> begin(const OpenedImage& image);
  // An image is about to be mounted that is not shown: fetches its trace and begins to replay it. `mount`:
  // who the prefetch is charged to.
  std::shared_ptr<Episode> open(const OpenedImage& image, uint64_t mount, Replay replay);
  // It could not be mounted: nothing more is asked for.
  static void give_up(const std::shared_ptr<Episode>& episode);
  // It is mounted: `reads` says what its readers ask for, `nearby` wants the order of its paths.
  void watch(const std::shared_ptr<Episode>& episode, std::shared_ptr<FirstReads> reads,
             std::shared_ptr<NearbyReads> nearby);

 private:
  void loaded(const std::shared_ptr<Episode>& episode, const Result<Object>& object, Replay replay);
  static void order_loaded(const std::shared_ptr<Episode>& episode, const Result<Object>& object);
  void replay(const std::shared_ptr<Episode>& episode);
  PrefetchPlan plan_for(const Digest& manifest, uint64_t mount);
  void look(const std::shared_ptr<Episode>& episode, size_t seen);
  void finish(Episode& episode, const Trace& trace, double covered);
  void save(const Episode& episode, const Trace& trace);

  const Parts parts_;
  std::atomic<uint32_t> window_;
};

}  // namespace thaw
