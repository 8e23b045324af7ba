// Audits of a whole store: whether everything that is live is there (check_store, by listing), and whether
// its bytes are right (scrub_store, by reading; it mends what it can).
#pragma once

#include <vector>

#include "lib/build/progress.h"
#include "lib/collect/chunk_copy.h"
#include "lib/collect/live_images.h"

namespace thaw {

struct AuditReport {
  uint64_t images = 0;    // live ones
  uint64_t chunks = 0;    // distinct, of those
  uint64_t bytes = 0;     // of these, as stored
  uint64_t repaired = 0;  // chunks, by a scrub
  std::vector<CollectProblem> problems;
};

// Reads all live manifests and their envelopes' presence, and lists the chunks of their roots. A chunk is a
// problem when the root of its image lacks it or has it with a wrong length.
Result<AuditReport> check_store(CollectRoom& room, const ProgressFn& progress);

// Reads every chunk of every live image, from any root that has it; changes nothing.
Result<AuditReport> verify_store(CollectRoom& room, const ProgressFn& progress);

// Reads every chunk of every live image where its image is found first; what is missing or damaged is written
// again from another root or from `elsewhere`, and a problem when nobody has it.
Result<AuditReport> scrub_store(CollectRoom& room, const FindElsewhere& elsewhere,
                                const ProgressFn& progress);

}  // namespace thaw
