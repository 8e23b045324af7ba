// ControlApi: what the daemon does at a client's request: mounts, counters, reload (docs/operating.md).
//
// Owned by the worker. Its handlers run on the control server's threads, several at the same time.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/config/config.h"
#include "daemon/control/server.h"
#include "daemon/counters_page.h"
#include "daemon/flash_tier.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/store_session.h"
#include "daemon/wiring.h"
#include "daemon/worker/served_images.h"
#include "daemon/worker/traces.h"
#include "daemon/zone_tier.h"

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
    ZoneTier* zone;    // nullptr: there is no such tier
    FlashTier* flash;  // the same
    // Keeps what is in effect for the next worker.
    std::function<Status(const Config&)> keep_config;
  };

  // `config_file` is what the daemon was started with.
  ControlApi(const Parts& parts, Config config, std::string config_file);

  void register_with(ControlServer& server);

  // Mounts again what an earlier daemon had mounted; those that fail are logged.
  void mount_again(const std::vector<MountRequest>& earlier);

  // Reads the configuration again and applies what can be changed while running.
  Result<nlohmann::json> reload();

 private:
  Result<nlohmann::json> mount(const nlohmann::json& request);
  Result<nlohmann::json> umount(const nlohmann::json& request);
  Result<nlohmann::json> record_trace(const nlohmann::json& request);
  Result<nlohmann::json> list_mounts();
  Result<nlohmann::json> explain_mount(const nlohmann::json& request);
  Result<nlohmann::json> stats();
  Status change_flash(const Config& fresh, nlohmann::json& applied, nlohmann::json& needs_restart)
      REQUIRES(mutex_);
  Status change_zone(const Config& fresh, nlohmann::json& applied, nlohmann::json& needs_restart)
      REQUIRES(mutex_);
  nlohmann::json describe(const Mount& mount);
  nlohmann::json store_away_seconds() const;
  Config config() const;

  const Parts parts_;
  const std::string config_file_;
  mutable Mutex mutex_;
  Config config_ GUARDED_BY(mutex_);
};

}  // namespace thaw
