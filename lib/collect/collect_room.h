// CollectRoom: what collection works with (docs/formats/store.md, "Deletion"). Needs no key: names are
// checked with the builders' public keys, manifests with their digests, chunks with their ids.
//
// Everything in lib/collect blocks like Catalog: call it on a thread that is none of the store's and none of
// `workers`', whose threads wait for the store.
#pragma once

#include <chrono>

#include "lib/base/executor.h"
#include "lib/keys/key_service.h"
#include "lib/store/catalog.h"

namespace thaw {

inline constexpr auto kNeverLapses = std::chrono::seconds::max();

struct CollectRoom {
  Catalog& catalog;
  const TrustedBuilders& trusted;
  Executor& workers;
  // A lease that was not written again for so long, between two times that the store told, counts no more.
  std::chrono::seconds lease_lapse = std::chrono::hours(24);
};

}  // namespace thaw
