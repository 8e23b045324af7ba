#include "daemon/worker/explain.h"

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "daemon/config/or_null.h"
#include "daemon/counters_page.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

Json tiers_json(const ImageCounters& counters) {
  Json tiers = Json::object();
  for (size_t tier = 0; tier < kTierCount; ++tier) {
    Json row = {{"chunks", counters.chunks_fetched.at(tier).load()},
                {"bytes_answered", counters.bytes_answered.at(tier).load()}};
    if (tier != static_cast<size_t>(Tier::kMemory)) {
      row["bytes_fetched"] = counters.bytes_fetched.at(tier).load();
    }
    tiers[kTierNames.at(tier)] = row;
  }
  return tiers;
}

Json trace_json(const TraceReport* trace) {
  if (trace == nullptr) return nullptr;
  return {{"chunks", trace->traced.load()},
          {"replayed", trace->replayed.load()},
          {"first_reads", trace->first_reads.load()},
          {"covered", trace->covered.load()},
          {"recording", trace->recording.load()}};
}

// "2026-01-31T12:00:00.250Z"
std::string time_text(std::chrono::system_clock::time_point at) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
  const std::time_t seconds = ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%FT%T", &utc);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(ms % 1000));
  return std::string(text.data(), length) + fraction.data();
}

Json slow_read_json(const SlowRead& read, uint32_t chunk_size) {
  const Journey& journey = read.journey;
  Json row = {{"at", time_text(read.at)},          {"offset", read.offset},   {"length", read.length},
              {"chunk", read.offset / chunk_size}, {"took_us", read.took_us}, {"why", reason_of(read)}};
  if (!read.error.empty()) return row;
  row["tier"] = kTierNames.at(static_cast<size_t>(read.tier));
  row["flash_us"] = journey.spent_in(Tier::kFlash);
  row["zone_us"] = journey.spent_in(Tier::kZone);
  row["origin_us"] = journey.spent_in(Tier::kOrigin);
  row["queued_us"] = journey.queued_us;
  row["paused_us"] = journey.paused_us;
  row["requests"] = journey.requests;
  row["hedges"] = journey.hedges;
  row["joined"] = journey.joined;
  return row;
}

}  // namespace

Json fill_json(const std::optional<FillReport>& report) {
  if (!report) return nullptr;
  return {{"tier", kTierNames.at(static_cast<size_t>(report->tier))},
          {"chunks", report->chunks},
          {"kept", report->kept},
          {"left_out", report->left_out},
          {"not_fetched", report->not_fetched},
          {"not_written", report->not_written},
          {"why", or_null(report->why)}};
}

Json explain(const ExplainedImage& image) {
  Json slowest = Json::array();
  for (const SlowRead& read : image.slow_reads.slowest()) {
    slowest.push_back(slow_read_json(read, image.chunk_size));
  }
  return {{"tiers", tiers_json(image.counters)},
          {"zeros_answered", image.counters.zeros_answered.load()},
          {"trace", trace_json(image.trace)},
          {"slowest", slowest}};
}

}  // namespace thaw
