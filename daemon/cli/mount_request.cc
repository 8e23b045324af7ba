#include "daemon/cli/mount_request.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/mounts/mount_id.h"

namespace thaw {

nlohmann::json mount_request(const Invocation& invocation, const ImageToMount& options) {
  nlohmann::json request = {{"name", options.name},
                            {"tenant", options.tenant.empty() ? invocation.config.tenant : options.tenant},
                            {"pid", ::getpid()},
                            {"id", new_mount_id()},
                            {"allow_rollback", options.allow_rollback}};
  if (!options.outage.empty()) request["outage"] = options.outage;
  return request;
}

}  // namespace thaw
