// ReloadPlan: what a daemon that runs with one configuration makes of another one: which keys it takes now,
// and which wait for its next start. No key that differs is in neither list.
#pragma once

#include <string>
#include <vector>

#include "daemon/config/config.h"

namespace thaw {

// The tiers that the daemon has; one that begins or ends needs a restart.
struct RunningTiers {
  bool flash = false;
  bool zone = false;
};

struct ReloadPlan {
  Config config;                     // in effect once it is carried out
  std::vector<std::string> applied;  // keys
  std::vector<std::string> needs_restart;
};

ReloadPlan plan_reload(const Config& running, const Config& wanted, const RunningTiers& tiers);

}  // namespace thaw
