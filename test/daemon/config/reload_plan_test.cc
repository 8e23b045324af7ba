#include "daemon/config/reload_plan.h"

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "daemon/config/settings.h"

namespace thaw::reload_plan_test {
namespace {

using Json = nlohmann::json;
using Keys = std::vector<std::string>;

const std::string kBuilder(64, 'a');

// Values that the kind of a default does not tell.
const std::map<std::string, Json>& special_values() {
  static const std::map<std::string, Json> values = {
      {"memory.eviction", "lru-k"},
      {"flash.admit", "second"},
      {"read.outage", "wait"},
      {"isolation", "private"},
      {"store.consistency", "eventual"},
      {"log.level", "debug"},
      {"trust.builders", {kBuilder}},
      {"flash.path", "/other"},
      {"gc.lease_lapse", "7h"},
      {"zone.nodes", {"a:1", "b:1", "c:1", "d:1", "e:1"}},
      {"registry.mirrors", {{"docker.io", {"https://mirror.example"}}}},
  };
  return values;
}

// A value of a key that differs from the one in `config`.
Json other_value(const Setting& setting, const Config& config) {
  if (const auto found = special_values().find(setting.key); found != special_values().end())
    return found->second;
  Json value = setting.write(config);
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value.get<uint64_t>() + 1;
  Config tried = config;
  for (const Json& guess : {Json("77s"), Json("7777MiB"), Json("/another/value")}) {
    if (guess != value && setting.read(tried, guess).ok() && setting.write(tried) != value) return guess;
  }
  FAIL("no other value for " << setting.key << ": name one in special_values()");
  return value;
}

Config with(const Config& before, const Setting& setting) {
  Config after = before;
  REQUIRE(setting.read(after, other_value(setting, before)).ok());
  return after;
}

// A daemon that has all tiers.
Config with_all_tiers() {
  Config config;
  config.flash_path = "/flash";
  config.zone_nodes = {"n1:1", "n2:1", "n3:1", "n4:1", "n5:1", "n6:1"};
  return config;
}

}  // namespace

TEST_CASE("every key that changes is applied or waits for a restart, and nothing else changes", "[config]") {
  const Config running = with_all_tiers();
  for (const Setting& setting : settings()) {
    INFO(setting.key);
    const Config wanted = with(running, setting);
    CHECK(changed_keys(running, wanted) == Keys{setting.key});
    const ReloadPlan plan = plan_reload(running, wanted, {.flash = true, .zone = true});
    if (setting.takes == Takes::kRestart) {
      CHECK(plan.applied.empty());
      CHECK(plan.needs_restart == Keys{setting.key});
      CHECK(changed_keys(running, plan.config).empty());
    } else {
      CHECK(plan.applied == Keys{setting.key});
      CHECK(plan.needs_restart.empty());
      CHECK(changed_keys(wanted, plan.config).empty());
    }
  }
}

TEST_CASE("all keys at once are told, each once", "[config]") {
  const Config running = with_all_tiers();
  Config wanted = running;
  for (const Setting& setting : settings()) wanted = with(wanted, setting);
  const ReloadPlan plan = plan_reload(running, wanted, {.flash = true, .zone = true});
  CHECK(plan.applied.size() + plan.needs_restart.size() == settings().size());
  CHECK(changed_keys(plan.config, wanted) == plan.needs_restart);
  // Asked a second time, the daemon still says what waits for its next start.
  const ReloadPlan again = plan_reload(plan.config, wanted, {.flash = true, .zone = true});
  CHECK(again.applied.empty());
  CHECK(again.needs_restart == plan.needs_restart);
}

TEST_CASE("a tier begins and ends with a restart", "[config]") {
  const Config running;
  Config wanted = with_all_tiers();
  wanted.flash_bytes = kGiB;
  const ReloadPlan begins = plan_reload(running, wanted, {});
  CHECK(begins.applied.empty());
  CHECK(begins.needs_restart == Keys{"flash.path", "flash.size", "zone.nodes"});
  const ReloadPlan ends = plan_reload(with_all_tiers(), running, {.flash = true, .zone = true});
  CHECK(ends.applied.empty());
  CHECK(ends.needs_restart == Keys{"flash.path", "zone.nodes"});
}

TEST_CASE("a zone tier that could not begin is said to wait for the restart", "[config]") {
  const Config running = with_all_tiers();
  CHECK(plan_reload(running, running, {.flash = true, .zone = true}).needs_restart.empty());
  CHECK(plan_reload(running, running, {.flash = true, .zone = false}).needs_restart == Keys{"zone.nodes"});
}

TEST_CASE("nodes that are too few for the shards that are in use wait for the restart, others do not",
          "[config]") {
  const Config running = with_all_tiers();
  Config wanted = running;
  wanted.zone_data_shards = 2;
  wanted.zone_nodes = {"n1:1", "n2:1", "n3:1"};
  wanted.memory_bytes *= 2;
  const ReloadPlan plan = plan_reload(running, wanted, {.flash = true, .zone = true});
  CHECK(plan.applied == Keys{"memory.size"});
  CHECK(plan.needs_restart == Keys{"zone.nodes", "zone.data_shards"});
  CHECK(plan.config.zone_nodes == running.zone_nodes);
  wanted.zone_nodes = {"n1:1", "n2:1", "n3:1", "n4:1", "n5:1"};
  CHECK(plan_reload(running, wanted, {.flash = true, .zone = true}).applied ==
        Keys{"memory.size", "zone.nodes"});
}

}  // namespace thaw::reload_plan_test
