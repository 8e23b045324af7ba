#include "daemon/config/reload_plan.h"

#include "daemon/config/settings.h"

namespace thaw {
namespace {

bool can_take(const Setting& setting, const Config& wanted, const RunningTiers& tiers) {
  if (setting.takes == Takes::kRestart) return false;
  if (setting.key.starts_with("flash.")) return tiers.flash;
  if (setting.key.starts_with("zone.")) return tiers.zone && !wanted.zone_nodes.empty();
  return true;
}

}  // namespace

ReloadPlan plan_reload(const Config& running, const Config& wanted, const RunningTiers& tiers) {
  ReloadPlan plan{running, {}, {}};
  for (const Setting& setting : settings()) {
    const nlohmann::json value = setting.write(wanted);
    if (setting.write(running) == value) continue;
    // What it wrote itself it reads.
    const bool taken = can_take(setting, wanted, tiers) && setting.read(plan.config, value).ok();
    (taken ? plan.applied : plan.needs_restart).push_back(setting.key);
  }
  return plan;
}

}  // namespace thaw
