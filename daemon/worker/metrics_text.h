// What GET /metrics answers: all that is counted, in the Prometheus text format (docs/metrics.md lists the
// names).
//
// Any thread may call; what it reads are atomics and small locks.
#pragma once

#include <string>

#include "daemon/counters_page.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/wiring.h"
#include "daemon/worker/image_fill.h"

namespace thaw {

struct MetricsSources {
  const CountersPage& counters;
  Chain& chain;
  MountTable& mounts;
  FillReport fills;         // of all images together
  size_t waiting_remounts;  // see Remounts
};

std::string metrics_text(const MetricsSources& sources);

}  // namespace thaw
