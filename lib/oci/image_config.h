// The OCI image config: what to run, for which machine, from which layers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/oci/limits.h"
#include "lib/oci/platform.h"

namespace thaw {

// How a container of the image is started, as the image says it.
struct RuntimeConfig {
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::vector<std::string> env;  // "NAME=value"
  std::string working_dir;
  std::string user;  // "user[:group]", names or numbers
  std::string stop_signal;
  std::map<std::string, std::string> labels;
  std::vector<std::string> volumes;  // paths
};

struct ImageConfig {
  Platform platform;
  RuntimeConfig runtime;
  std::vector<Digest> diff_ids;  // of the uncompressed layers, lowest first
};

// kDamaged for what is no image config.
Result<ImageConfig> parse_image_config(std::string_view text, const Limits& limits);

}  // namespace thaw
