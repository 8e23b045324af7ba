// build: from an OCI image to a named image in a store: read, lay out, seal, store, name.
//
// Blocks; call it on a thread that is none of the executors'. A build that fails or dies leaves chunks that
// nothing names, and nothing else.
#pragma once

#include <string>

#include "lib/build/store_image.h"
#include "lib/oci/image.h"

namespace thaw {

struct BuildRequest {
  std::string source;  // as SourceImage takes it
  std::string tenant;
  ImageName name;
  Isolation isolation = Isolation::kShared;
  SaltApart apart{};
  uint32_t chunk_size = kDefaultChunkSize;
  ReadOptions read;  // platform, limits, spool
  UploadOptions upload;
};

// What the name has already is kept, without reading a layer, when it was made of the same image
// (find_unchanged.h).
Result<BuildReport> build(Workshop& shop, const BuildRequest& request);

// The image's runtime configuration as the manifest carries it: a JSON object with "Entrypoint", "Cmd",
// "Env", "WorkingDir", "User", "StopSignal", "Labels" and "Volumes", spelled as in the OCI image
// specification; what is empty is left out. kFailed for text that is not UTF-8.
Result<std::string> runtime_config_json(const RuntimeConfig& config);

}  // namespace thaw
