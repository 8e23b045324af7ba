// What `thaw explain` tells of an image: what was read from where, what became of its trace, and which reads
// waited longest and for what.
//
// Any thread.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "daemon/worker/image_fill.h"
#include "daemon/worker/slow_reads.h"
#include "daemon/worker/trace_report.h"
#include "lib/metrics/tier_counters.h"

namespace thaw {

struct ExplainedImage {
  const ImageCounters& counters;
  const SlowReads& slow_reads;
  const TraceReport* trace;  // nullptr: an earlier worker mounted it
  uint32_t chunk_size = 0;
};

// null without one.
nlohmann::json fill_json(const std::optional<FillReport>& report);
nlohmann::json explain(const ExplainedImage& image);

}  // namespace thaw
