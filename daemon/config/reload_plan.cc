#include "daemon/config/reload_plan.h"

#include "daemon/config/settings.h"

namespace thaw {
namespace {

// Shard counts wait for a restart, and so do nodes that are too few, or none, for those in use.
bool enough_nodes(const Config& running, const Config& wanted) {
  return wanted.zone_nodes.size() >= running.zone_data_shards + running.zone_parity_shards;
}

// A zone tier that could not begin with the daemon: what was wrong may be right by now, and no key differs.
bool misses_zone(const Config& running, const RunningTiers& tiers) {
  return !running.zone_nodes.empty() && !tiers.zone;
}

bool can_take(const Setting& setting, const Config& running, const Config& wanted,
              const RunningTiers& tiers) {
  if (setting.takes == Takes::kRestart) return false;
  if (setting.key.starts_with("flash.")) return tiers.flash;
  if (setting.key.starts_with("zone.")) return tiers.zone && enough_nodes(running, wanted);
  return true;
}

}  // namespace

ReloadPlan plan_reload(const Config& running, const Config& wanted, const RunningTiers& tiers) {
  ReloadPlan plan{running, {}, {}};
  for (const Setting& setting : settings()) {
    const nlohmann::json value = setting.write(wanted);
    if (setting.write(running) == value) {
      if (setting.key == "zone.nodes" && misses_zone(running, tiers))
        plan.needs_restart.push_back(setting.key);
      continue;
    }
    // What it wrote itself it reads.
    const bool taken = can_take(setting, running, wanted, tiers) && setting.read(plan.config, value).ok();
    (taken ? plan.applied : plan.needs_restart).push_back(setting.key);
  }
  return plan;
}

}  // namespace thaw
