// store_image: a laid-out device becomes a named image in a store: chunks, manifest, envelope, name record,
// in that order, so that a build that dies leaves nothing named (docs/formats/store.md, "Order of writes").
//
// Blocks; call it on a thread that is none of `workers`' and none of the store's.
#pragma once

#include <string>

#include "lib/build/chunk_upload.h"
#include "lib/build/device_source.h"
#include "lib/manifest/image_name.h"
#include "lib/manifest/sequence_memory.h"
#include "lib/store/catalog.h"
#include "lib/store/tenant_salt.h"

namespace thaw {

// What a builder works with.
struct Workshop {
  Catalog& catalog;
  KeyService& keys;
  BuilderKeys& builder;
  Executor& workers;                    // hashing and encryption: as many threads as cores
  TrustedBuilders trusted;              // for the record that a new one replaces
  std::string builder_version;          // of Thaw
  SaltMemory salts;                     // what this builder has sealed with
  SequenceMemory* sequences = nullptr;  // what was seen of names; nullptr: nothing is
  // Where it remembers KnownChunks of the store; for Existing::kTrustMemory only. Another store's is another
  // one.
  std::string known_files{};
};

struct ImageToStore {
  const DeviceSource& device;
  const ImageDetails& details;
  std::string tenant;
  ImageName name;  // without a digest
  Isolation isolation = Isolation::kShared;
  SaltApart apart{};
};

struct BuildReport {
  std::string name;  // NAME:TAG
  Digest manifest;
  RootId root;
  bool unchanged = false;  // the name had this image already, and keeps it
  uint64_t device_bytes = 0;
  uint64_t content_bytes = 0;
  uint64_t chunks = 0;       // distinct, not zeros
  uint64_t zero_chunks = 0;  // of the device's chunks
  uint64_t new_chunks = 0;
  uint64_t new_bytes = 0;  // sealed, without manifests
  uint64_t reused_chunks = 0;
  uint64_t unasked_chunks = 0;  // of these, taken for present without asking the store
  uint64_t salt_period = 0;     // its number; 0 when salts are not apart by time
  uint64_t popular_chunks = 0;  // distinct, with the salt of the image's group
  uint64_t traced_chunks = 0;   // in the trace of first reads that came from the name's previous image
  std::string warning;          // empty: none
  double seconds = 0;
};

Result<BuildReport> store_image(Workshop& shop, const ImageToStore& image, const UploadOptions& options);

}  // namespace thaw
