// find_sharing: how much of each image other images have too: of one tenant, or of several, for who may see
// that (docs/security.md, "Across tenants").
//
// Needs no tenant's key: lengths and ids of chunks stand open in manifests. Blocks like Catalog; holds 4
// bytes a chunk of each image and about 64 a distinct one.
#pragma once

#include <string>
#include <vector>

#include "lib/base/executor.h"
#include "lib/build/progress.h"
#include "lib/keys/key_service.h"
#include "lib/store/catalog.h"

namespace thaw {

struct ImageSharing {
  std::string tenant;
  std::string name;
  std::string tag;
  uint64_t chunks = 0;         // distinct ones of the image
  uint64_t bytes = 0;          // of these, as stored
  uint64_t shared_chunks = 0;  // that another of the images has as well
  uint64_t shared_bytes = 0;
};

struct SharingReport {
  std::vector<ImageSharing> images;  // in the order of tenants and names
  uint64_t chunks = 0;               // distinct ones of all
  uint64_t bytes = 0;
  uint64_t alone_bytes = 0;  // what the images would take without each other
};

struct SharingParts {
  Catalog& catalog;
  const TrustedBuilders& trusted;
  Executor& readers;  // its threads wait for the store
};

// Names whose record or manifest cannot be used are left out.
Result<SharingReport> find_sharing(const SharingParts& parts, const std::vector<std::string>& tenants,
                                   const ProgressFn& progress);

// All that have a name in the store, ascending.
Result<std::vector<std::string>> tenants_of(Catalog& catalog);

}  // namespace thaw
