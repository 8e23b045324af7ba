#include "daemon/worker/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <chrono>
#include <utility>
#include <vector>

namespace thaw {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  void counter(std::string name, std::string help, double value,
               std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric& metric = add(std::move(name), std::move(help), MetricType::Counter, std::move(labels));
    metric.counter.value = value;
  }
  void gauge(std::string name, std::string help, double value, std::vector<ClientMetric::Label> labels = {}) {
    add(std::move(name), std::move(help), MetricType::Gauge, std::move(labels)).gauge.value = value;
  }
  void histogram(std::string name, std::string help, const LatencyHistogram& histogram,
                 std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric::Histogram& out =
        add(std::move(name), std::move(help), MetricType::Histogram, std::move(labels)).histogram;
    for (const LatencyHistogram::Below& below : histogram.cumulative()) {
      out.bucket.push_back({below.count, static_cast<double>(below.microseconds) / 1e6});
    }
    out.sample_count = histogram.count();
    out.sample_sum = histogram.estimated_sum_us() / 1e6;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  // Metrics of one name follow each other.
  ClientMetric& add(std::string name, std::string help, MetricType type,
                    std::vector<ClientMetric::Label> labels) {
    if (families_.empty() || families_.back().name != name) {
      families_.push_back({std::move(name), std::move(help), type, {}});
    }
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    return metric;
  }

  std::vector<MetricFamily> families_;
};

// The zone's nodes evict by themselves, and the store does not.
constexpr std::array<Tier, 2> kEvicting = {Tier::kMemory, Tier::kFlash};

void add_tier_states(Families& families, const CountersPage& counters, const Chain& chain) {
  for (const Tier tier : kEvicting) {
    const auto index = static_cast<size_t>(tier);
    families.counter("thaw_tier_evictions_total", "Chunks of the tier that made room for others",
                     static_cast<double>(counters.tiers.at(index).evictions.load()),
                     {{"tier", kTierNames.at(index)}});
  }
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    families.gauge("thaw_tier_in_flight", "What the tier is working on now",
                   static_cast<double>(chain.in_flight(static_cast<Tier>(tier))),
                   {{"tier", kTierNames.at(tier)}});
  }
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    families.histogram("thaw_tier_latency_seconds", "How long the tier took for what it had",
                       counters.tiers.at(tier).latency, {{"tier", kTierNames.at(tier)}});
  }
}

void add_tiers(Families& families, const CountersPage& counters) {
  struct Row {
    const char* name;
    const char* help;
    std::atomic<uint64_t> TierCounters::*field;
  };
  constexpr std::array<Row, 4> kRows = {{
      {"thaw_tier_hits_total", "Chunks that the tier had", &TierCounters::hits},
      {"thaw_tier_misses_total", "Chunks that the tier was asked for and had not", &TierCounters::misses},
      {"thaw_tier_errors_total", "Answers of the tier that were errors or wrong bytes",
       &TierCounters::errors},
      {"thaw_tier_bytes_total", "Chunk bytes from the tier", &TierCounters::bytes},
  }};
  for (const Row& row : kRows) {
    for (size_t tier = 0; tier < kTierCount; ++tier) {
      families.counter(row.name, row.help, static_cast<double>((counters.tiers.at(tier).*row.field).load()),
                       {{"tier", kTierNames.at(tier)}});
    }
  }
}

void add_reads(Families& families, const CountersPage& counters) {
  const ReadCounters& reads = counters.reads;
  families.counter("thaw_reads_total", "Reads of the kernel that were answered",
                   static_cast<double>(reads.reads.load()));
  families.counter("thaw_read_errors_total", "Reads that were answered with an error",
                   static_cast<double>(reads.errors.load()));
  families.counter("thaw_read_bytes_total", "Bytes answered to the kernel",
                   static_cast<double>(reads.bytes.load()));
  LatencyHistogram latency{};
  counters.add_latency_to(latency);
  families.histogram("thaw_read_latency_seconds", "From a read's arrival to its answer", latency);
}

void add_flash(Families& families, const FlashStore& flash) {
  const FlashStore::State state = flash.state();
  families.gauge("thaw_flash_ready", "1 once the flash log was read; 0 while the device is away",
                 state.ready ? 1 : 0);
  families.gauge("thaw_flash_stalled", "1 while the flash device does not answer", state.stalled ? 1 : 0);
  families.gauge("thaw_flash_chunks", "Chunks that can be found on flash", static_cast<double>(state.chunks));
  families.counter("thaw_flash_written_bytes_total", "Written to flash since the worker started",
                   static_cast<double>(state.written_bytes));
  families.counter("thaw_flash_dropped_total",
                   "Chunks not written to flash: budget, rule or too many at once",
                   static_cast<double>(state.dropped));
  families.counter("thaw_flash_writes_failed_total",
                   "Writes to flash that failed: its disk is full, or has errors",
                   static_cast<double>(state.writes_failed));
  families.gauge("thaw_flash_budget_left_bytes", "What the daily budget allows to be written to flash now",
                 static_cast<double>(state.budget_left));
}

void add_fills(Families& families, const FillReport& fills) {
  families.gauge("thaw_fill_chunks", "Chunks of the images that are filled (thaw mount --fill)",
                 static_cast<double>(fills.chunks));
  families.gauge("thaw_fill_chunks_kept", "Those of them that lie on flash; without that tier, were fetched",
                 static_cast<double>(fills.kept));
}

void add_zone(Families& families, const ZoneCounters& zone) {
  struct Row {
    const char* name;
    const char* help;
    const std::atomic<uint64_t>& value;
  };
  const Row rows[] = {
      {"thaw_zone_shards_missing_total", "Shards that a node did not hold while others held theirs",
       zone.shards_missing},
      {"thaw_zone_shards_bad_total", "Shards that were damaged or of another chunk", zone.shards_bad},
      {"thaw_zone_shards_late_total", "Shards that did not come in time", zone.shards_late},
      {"thaw_zone_rebuilt_total", "Reads that needed parity", zone.rebuilt},
      {"thaw_zone_repairs_total", "Shards written back by a read", zone.repairs},
      {"thaw_zone_fills_total", "Chunks written to the zone", zone.fills},
      {"thaw_zone_fills_dropped_total", "Chunks not written to the zone: beyond a limit", zone.fills_dropped},
      {"thaw_zone_writes_failed_total", "Shards of chunks and repairs that a node did not take",
       zone.writes_failed},
      {"thaw_zone_claims_won_total", "Misses that this worker fetched for the zone", zone.claims_won},
      {"thaw_zone_claims_lost_total", "Misses that another worker was about to fill", zone.claims_lost},
      {"thaw_zone_claims_filled_total", "Those of them that it filled in time", zone.claims_filled},
      {"thaw_zone_ejections_total", "Times that a node was ejected", zone.ejections},
      {"thaw_zone_readmissions_total", "Times that an ejected node was taken back", zone.readmissions},
      {"thaw_zone_refused_total", "Requests to nodes that do not let this worker in, or refuse them",
       zone.refused},
  };
  for (const Row& row : rows) families.counter(row.name, row.help, static_cast<double>(row.value.load()));
  families.gauge("thaw_zone_nodes_out", "Nodes that are ejected now",
                 static_cast<double>(zone.nodes_out.load()));
}

void add_collection(Families& families, const CollectionCounters& collection) {
  families.counter("thaw_collection_alarms_total", "Alarms that this worker raised: an expired root was used",
                   static_cast<double>(collection.alarms.load()));
  families.counter("thaw_collection_hits_checked_total",
                   "Chunks that a cache had and the store was asked for, one in 10,000",
                   static_cast<double>(collection.hits_checked.load()));
  families.counter("thaw_collection_hits_missing_total",
                   "Those of them that no root of the store has any more",
                   static_cast<double>(collection.hits_missing.load()));
}

void add_origin(Families& families, const Origin& origin) {
  const Origin::State state = origin.state();
  families.gauge("thaw_origin_open", "Fetches from the store that are open",
                 static_cast<double>(origin.open()));
  families.gauge("thaw_origin_in_flight", "Requests to the store that are in flight", state.in_flight);
  families.gauge("thaw_origin_cap", "How many requests to the store may be in flight now", state.cap);
  families.counter("thaw_origin_requests_total", "Requests to the store since the worker started",
                   static_cast<double>(state.requests));
  families.counter("thaw_origin_retries_total", "Requests to the store that were repeated, of these",
                   static_cast<double>(state.retries));
  families.counter("thaw_origin_hedges_total", "Second requests beside slow ones, of these",
                   static_cast<double>(state.hedges));
  families.counter("thaw_origin_hedges_won_total", "Second requests that were answered first",
                   static_cast<double>(state.hedges_won));
}

}  // namespace

std::string metrics_text(const MetricsSources& sources) {
  Families families;
  add_tiers(families, sources.counters);
  add_tier_states(families, sources.counters, sources.chain);
  add_reads(families, sources.counters);
  families.gauge("thaw_memory_bytes", "Held by the memory tier",
                 static_cast<double>(sources.chain.memory().bytes()));
  families.gauge("thaw_buffer_bytes", "Memory of all chunk buffers together, the memory tier among them",
                 static_cast<double>(buffer_arena().held_bytes()));
  add_origin(families, sources.chain.origin());
  families.gauge("thaw_store_away_seconds", "For how long the store has not answered; 0 while it does",
                 std::chrono::duration<double>(sources.chain.origin().away_for()).count());
  families.gauge("thaw_mounts", "Mounts of this daemon", static_cast<double>(sources.mounts.list().size()));
  families.gauge("thaw_mounts_waiting", "Mounts of a killed daemon that wait to be mounted again",
                 static_cast<double>(sources.waiting_remounts));
  add_fills(families, sources.fills);
  add_zone(families, sources.counters.zone);
  add_collection(families, sources.counters.collection);
  if (const FlashStore* flash = sources.chain.flash()) add_flash(families, *flash);
  return families.text();
}

}  // namespace thaw
