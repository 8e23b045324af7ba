// A configuration with the origin of each value as one JSON object: what `thaw config show --json` prints,
// what the control API answers, and what the daemon keeps for its next worker.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "daemon/config/config_reader.h"

namespace thaw {

// All keys as in a configuration file, and beside them "origins" (by key), "file" and "file_by".
nlohmann::json config_json(const ConfigReading& reading);

// The inverse. kUsage for anything else.
Result<ConfigReading> read_config_json(nlohmann::json object);

}  // namespace thaw
