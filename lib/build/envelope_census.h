// The envelopes of a store: where they are, and under which keys.
//
// Blocks like Catalog; call it on a thread that is none of the store's and none of `workers`', whose threads
// wait for the store (a few envelopes each at a time).
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/base/executor.h"
#include "lib/build/progress.h"
#include "lib/manifest/envelope.h"
#include "lib/store/catalog.h"

namespace thaw {

struct EnvelopePlace {
  RootId root;
  Digest digest;  // of its manifest
};

// Runs `visit` for every envelope of every root that has any (an image may still be copied from a deleted
// one), many at a time, on threads of `workers`. The first error ends it.
using EnvelopeVisit = std::function<Status(const EnvelopePlace&)>;
Status visit_envelopes(Catalog& catalog, Executor& workers, const EnvelopeVisit& visit,
                       const ProgressFn& progress);

struct UnreadableEnvelope {
  EnvelopePlace place;
  std::string tenant;  // of its manifest
};

struct EnvelopeCensus {
  std::map<std::string, uint64_t> by_key;      // key id → envelopes under it
  std::vector<UnreadableEnvelope> unreadable;  // damaged: their key is not known
};

// Those of `manifests` that a root has without their envelopes. An image that is built or copied meanwhile is
// none.
Result<std::vector<EnvelopePlace>> manifests_without_envelope(Catalog& catalog,
                                                              const std::set<Digest>& manifests);

// Counts without any key. An envelope whose manifest is gone or damaged opens nothing and does not count.
Result<EnvelopeCensus> count_envelopes(Catalog& catalog, Executor& workers, const ProgressFn& progress);

}  // namespace thaw
