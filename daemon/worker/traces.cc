#include "daemon/worker/traces.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "daemon/log/log.h"
#include "lib/image/fetch_counts.h"
#include "lib/store/paths.h"

namespace thaw {
namespace {

constexpr Duration kLoadTime = std::chrono::seconds(10);
constexpr Duration kPrefetchTime = std::chrono::seconds(60);
// With fewer first reads than this, nobody can say whether a trace helps.
constexpr size_t kJudgedReads = 32;
constexpr double kHelps = 0.25;  // of the first reads; a trace that names less is dropped
// Before the first look: whatever that sees is new.
constexpr size_t kNotLooked = SIZE_MAX;

}  // namespace

struct Traces::Episode {
  Digest manifest;
  RootId root;
  Secret key;
  uint64_t mount = 0;
  std::vector<ManifestChunk> chunks;  // ascending by index
  TimePoint record_until;             // of the timers' thread, once it is watched
  const std::shared_ptr<TraceReport> report = std::make_shared<TraceReport>();

  Mutex mutex;
  std::vector<uint32_t> trace GUARDED_BY(mutex);          // as it was loaded
  std::unordered_set<uint32_t> traced GUARDED_BY(mutex);  // the same
  std::shared_ptr<FirstReads> reads GUARDED_BY(mutex);    // once it is mounted
  uint32_t recording GUARDED_BY(mutex) = 0;               // the same; which one of `reads`
  std::shared_ptr<NearbyReads> nearby GUARDED_BY(mutex);  // the same
  std::vector<uint32_t> path_order GUARDED_BY(mutex);     // as it was loaded, until `nearby` has it

  // Places on the device of what was read first, in order.
  std::vector<uint32_t> first_chunks() {
    std::shared_ptr<FirstReads> watched;
    {
      MutexLock lock(mutex);
      watched = reads;
    }
    std::vector<uint32_t> places;
    if (!watched) return places;
    for (const uint32_t entry : watched->order()) places.push_back(chunks.at(entry).index);
    return places;
  }

  std::vector<ChunkRef> traced_chunks() {
    std::vector<ChunkRef> refs;
    MutexLock lock(mutex);
    for (const uint32_t place : trace) {
      if (const ManifestChunk* chunk = chunk_at(chunks, place)) refs.push_back(chunk->ref());
    }
    return refs;
  }

  // Hands the order of the paths on, once both it and who wants it are there.
  void pass_on_order() {
    std::shared_ptr<NearbyReads> who;
    std::vector<uint32_t> order;
    {
      MutexLock lock(mutex);
      if (!nearby || path_order.empty()) return;
      who = nearby;
      order = std::exchange(path_order, {});
    }
    who->learn(order);
  }

  // The share of these that the loaded trace names.
  double covered(const std::vector<uint32_t>& places) {
    MutexLock lock(mutex);
    if (places.empty()) return 1;
    const auto named = std::ranges::count_if(
        places, [this](uint32_t place) NO_THREAD_SAFETY_ANALYSIS { return traced.contains(place); });
    report->first_reads = places.size();
    report->covered = static_cast<uint64_t>(named);
    return static_cast<double>(named) / static_cast<double>(places.size());
  }

  bool helps() {
    const std::vector<uint32_t> places = first_chunks();
    return places.size() < kJudgedReads || covered(places) >= kHelps;
  }
};

std::shared_ptr<Traces::Episode> Traces::begin(const OpenedImage& image) {
  auto episode = std::make_shared<Episode>();
  episode->manifest = image.manifest.digest;
  episode->root = image.root;
  episode->key = image.manifest.trace_key;
  episode->chunks = image.manifest.clear.chunks;
  return episode;
}

std::shared_ptr<const TraceReport> Traces::report(const std::shared_ptr<Episode>& episode) {
  return episode->report;
}

std::shared_ptr<Traces::Episode> Traces::open(const OpenedImage& image, uint64_t mount, Replay replay) {
  auto episode = begin(image);
  episode->mount = mount;
  const GetOptions options{kMaxTraceBytes, parts_.timers.now() + kLoadTime, {}};
  parts_.store.get(
      trace_key(episode->root, episode->manifest), options,
      [this, episode, replay](const Result<Object>& object) { loaded(episode, object, replay); });
  const GetOptions order_options{kMaxPathOrderBytes, options.deadline, {}};
  parts_.store.get(path_order_key(episode->root, episode->manifest), order_options,
                   [episode](const Result<Object>& object) { order_loaded(episode, object); });
  return episode;
}

void Traces::order_loaded(const std::shared_ptr<Episode>& episode, const Result<Object>& object) {
  if (!object.ok()) return;
  auto order = open_path_order(object->bytes.view(), episode->manifest, episode->key);
  if (!order.ok()) return log_warn("{}; build the image again", order.error().message);
  {
    MutexLock lock(episode->mutex);
    episode->path_order = std::move(order->chunks);
  }
  episode->pass_on_order();
}

void Traces::loaded(const std::shared_ptr<Episode>& episode, const Result<Object>& object, Replay how) {
  if (!object.ok()) return;
  auto trace = open_trace(object->bytes.view(), episode->manifest, episode->key);
  if (!trace.ok()) return log_warn("{}; it is recorded anew", trace.error().message);
  {
    MutexLock lock(episode->mutex);
    episode->report->traced = trace->chunks.size();
    episode->traced.insert(trace->chunks.begin(), trace->chunks.end());
    episode->trace = std::move(trace->chunks);
  }
  if (how == Replay::kYes) replay(episode);
}

PrefetchPlan Traces::plan_for(const Digest& manifest, uint64_t mount) {
  PrefetchPlan plan;
  plan.window = window_;
  plan.fetch.mount = mount;
  ImageCounters& counters = parts_.counters.image(manifest);
  plan.fetched = [&counters](const Fetched& fetched) {
    if (fetched.tier != Tier::kMemory) count_fetched(counters, fetched);
  };
  return plan;
}

void Traces::give_up(const std::shared_ptr<Episode>& episode) { episode->report->given_up = true; }

void Traces::replay(const std::shared_ptr<Episode>& episode) {
  if (episode->report->given_up) return;
  PrefetchPlan plan = plan_for(episode->manifest, episode->mount);
  plan.fetch.deadline = parts_.timers.now() + kPrefetchTime;
  plan.helps = [weak = std::weak_ptr<Episode>(episode), report = episode->report] {
    if (report->given_up) return false;
    const auto alive = weak.lock();
    return !alive || alive->helps();
  };
  plan.chunks = episode->traced_chunks();
  log_debug("prefetch of {} chunks for {}", plan.chunks.size(), episode->manifest.hex());
  plan.asked = [report = episode->report] { report->replayed.fetch_add(1); };
  // It asks at once, and `helps` takes the episode's mutex.
  Prefetch::start(parts_.chain.source(), std::move(plan));
}

void Traces::watch(const std::shared_ptr<Episode>& episode, std::shared_ptr<FirstReads> reads,
                   std::shared_ptr<NearbyReads> nearby) {
  {
    MutexLock lock(episode->mutex);
    if (reads) episode->recording = reads->recording();
    episode->reads = std::move(reads);
    episode->nearby = std::move(nearby);
  }
  episode->pass_on_order();
  episode->record_until = parts_.timers.now() + kLongest;
  parts_.timers.call_at(parts_.timers.now() + kRecorded - kQuiet,
                        [this, episode] { look(episode, kNotLooked); });
}

void Traces::look(const std::shared_ptr<Episode>& episode, size_t seen) {
  const Trace trace{episode->first_chunks()};
  const double covered = episode->covered(trace.chunks);
  const size_t now_seen = trace.chunks.size();
  const bool ends = now_seen == seen || parts_.timers.now() >= episode->record_until;
  if (ends) return finish(*episode, trace, covered);
  parts_.timers.call_at(parts_.timers.now() + kQuiet, [this, episode, now_seen] { look(episode, now_seen); });
}

void Traces::finish(Episode& episode, const Trace& trace, double covered) {
  episode.report->recording = false;
  {
    MutexLock lock(episode.mutex);
    // What was read since it was begun again is for who began it.
    if (episode.reads && !episode.reads->finish(episode.recording)) return;
  }
  if (trace.chunks.size() >= kLeastChunks && covered < kCovered) save(episode, trace);
}

void Traces::save(const Episode& episode, const Trace& trace) {
  auto bytes = std::make_shared<Bytes>(seal_trace(trace, episode.manifest, episode.key));
  const std::string name = episode.manifest.hex();
  const size_t chunks = trace.chunks.size();
  parts_.store.put(trace_key(episode.root, episode.manifest), *bytes, {},
                   [bytes, name, chunks](const Result<PutOutcome>& put) {
                     if (put.ok()) return log_info("recorded the first {} chunks of {}", chunks, name);
                     log_warn("the trace of {} is not kept: {}", name, put.error().message);
                   });
}

}  // namespace thaw
