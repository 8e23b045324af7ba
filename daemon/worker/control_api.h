// ControlApi: what the daemon does at a client's request: mounts, counters, settings (docs/operating.md).
//
// Owned by the worker. Its handlers run on the control server's threads, several at the same time.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/control/server.h"
#include "daemon/counters_page.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/store_session.h"
#include "daemon/wiring.h"
#include "daemon/worker/fills.h"
#include "daemon/worker/leases.h"
#include "daemon/worker/live_settings.h"
#include "daemon/worker/remounts.h"
#include "daemon/worker/root_follower.h"
#include "daemon/worker/served_images.h"
#include "daemon/worker/traces.h"

namespace thaw {

class ControlApi {
 public:
  struct Parts {
    StoreSession& session;
    MountTable& mounts;
    ServedImages& images;
    Chain& chain;
    CountersPage& counters;
    Traces& traces;
    LiveSettings& live;
    Leases& leases;
    RootFollower& roots;
    Fills& fills;
    Remounts& remounts;
  };

  explicit ControlApi(const Parts& parts) : parts_(parts) {}

  void register_with(ControlServer& server);

  // Mounts again what an earlier daemon had mounted.
  Status mount_again(const MountRequest& earlier);

 private:
  Result<nlohmann::json> mount_asked(const nlohmann::json& request);
  // `removed`: for what an earlier daemon had mounted.
  Result<nlohmann::json> mount(const nlohmann::json& request, Removed removed);
  Result<nlohmann::json> umount(const nlohmann::json& request);
  Result<nlohmann::json> record_trace(const nlohmann::json& request);
  Result<nlohmann::json> list_mounts();
  Result<nlohmann::json> explain_mount(const nlohmann::json& request);
  Result<nlohmann::json> stats();
  Result<nlohmann::json> cached_chunk(const nlohmann::json& request);
  nlohmann::json describe(const Mount& mount);
  nlohmann::json store_away_seconds() const;

  const Parts parts_;
};

}  // namespace thaw
