#include "daemon/worker/live_settings.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "daemon/config/config_json.h"
#include "daemon/config/reload_plan.h"
#include "daemon/config/settings.h"
#include "daemon/log/log.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMemoryShare = 8;  // of memory.size: read-ahead of all images together, or one prefetch
constexpr uint64_t kHeldShare = 4;    // of it: what HeldChunks keeps
constexpr uint64_t kOriginShare = 2;  // of it: answers of the store that are under way
// Not a key of the file: the answer's word for what the store is asked with.
constexpr const char* kCredentials = "credentials";

}  // namespace

ReadAheadBudget::Limits read_ahead_limits(const Config& config) {
  const auto chunks = static_cast<uint32_t>(config.read_ahead_chunks);
  return {chunks == 0 ? 0 : config.memory_bytes / kMemoryShare, chunks};
}

MemoryOptions memory_options(const Config& config) {
  return {config.memory_bytes,
          config.memory_eviction == "lru-k" ? EvictionRule::kLruK : EvictionRule::kS3Fifo};
}

uint64_t held_bytes(const Config& config) { return config.memory_bytes / kHeldShare; }

uint32_t origin_in_flight(const Config& config) {
  const uint64_t room = std::max<uint64_t>(1, config.memory_bytes / kOriginShare / kDefaultChunkSize);
  return static_cast<uint32_t>(std::min(config.origin_in_flight, room));
}

uint32_t prefetch_window(const Config& config) {
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(config.memory_bytes / kMemoryShare / kDefaultChunkSize, 4, 48));
}

LiveSettings::LiveSettings(const Parts& parts, ConfigReading in_effect, std::string config_file)
    : parts_(parts), config_file_(std::move(config_file)), deeds_(deeds()), in_effect_(std::move(in_effect)) {
  check_deeds();
}

// Those that can fail stand first: what fails keeps the rest as it is.
std::vector<LiveSettings::Deed> LiveSettings::deeds() {
  return {
      {{"flash.size"}, [this](const Config& config) { return parts_.flash->resize(config.flash_bytes); }},
      {{"flash.admit", "flash.daily_rewrites"},
       [this](const Config& config) -> Status {
         parts_.flash->set_admission(config);
         return {};
       }},
      {{"memory.size", "read.ahead_chunks"},
       [this](const Config& config) -> Status {
         parts_.chain.memory().set_capacity(config.memory_bytes);
         parts_.chain.read_ahead().set_limits(read_ahead_limits(config));
         parts_.chain.held().set_limit(held_bytes(config));
         parts_.chain.set_origin_in_flight(origin_in_flight(config));
         parts_.traces.set_window(prefetch_window(config));
         if (parts_.flash != nullptr) parts_.flash->set_share(config);
         return {};
       }},
      {{"origin.in_flight"},
       [this](const Config& config) -> Status {
         parts_.session.set_connections(static_cast<uint32_t>(config.origin_in_flight));
         parts_.chain.set_origin_in_flight(origin_in_flight(config));
         return {};
       }},
      {{"trust.builders"},
       [this](const Config& config) -> Status {
         parts_.session.set_trusted_builders(config.trusted_builders);
         return {};
       }},
      {{"read.deadline"},
       [this](const Config& config) -> Status {
         parts_.images.set_deadline(config.read_deadline);
         return {};
       }},
      {{"mount.linger"},
       [this](const Config& config) -> Status {
         parts_.mounts.set_linger(config.mount_linger);
         return {};
       }},
      {{"log.level"},
       [](const Config& config) -> Status {
         set_log_level(config.log_level);
         return {};
       }},
      // Done by reload(), whether a key has changed or not.
      {{"zone.nodes", "zone.write_rate", "zone.tls", "zone.ca_file", "zone.auth_file"},
       [](const Config&) -> Status { return {}; }},
      // Each mount looks at the configuration in effect.
      {{"tenant", "prefetch.replay", "read.outage"}, [](const Config&) -> Status { return {}; }},
  };
}

void LiveSettings::check_deeds() const {
  std::set<std::string> done;
  std::set<std::string> wanted;
  for (const Deed& deed : deeds_) done.insert(deed.keys.begin(), deed.keys.end());
  for (const Setting& setting : settings()) {
    if (setting.takes == Takes::kReload) wanted.insert(setting.key);
  }
  if (done != wanted) throw std::logic_error("the keys that a reload takes and its deeds differ");
}

Config LiveSettings::config() const {
  MutexLock lock(mutex_);
  return in_effect_.config;
}

Json LiveSettings::describe() const {
  MutexLock lock(mutex_);
  return config_json(in_effect_);
}

Result<Json> LiveSettings::reload() {
  MutexLock reloading(reloading_);
  THAW_ASSIGN(ConfigReading fresh, read_config_file(config_file_));
  const ConfigOrigins origins = fresh.origins;
  THAW_ASSIGN(const Config wanted, accepted(std::move(fresh)));
  ReloadPlan plan = plan_reload(config(), wanted, {parts_.flash != nullptr, parts_.zone != nullptr});
  if (parts_.flash != nullptr) parts_.flash->try_again();
  // Also when no key has changed: what a file holds may have.
  if (parts_.zone != nullptr) THAW_TRY(parts_.zone->reconfigure(plan.config));
  if (Status done = carry_out(plan.config, plan.applied); !done.ok()) {
    // Nothing changes then: the nodes are again what they were.
    if (parts_.zone != nullptr) THAW_TRY(parts_.zone->reconfigure(config()));
    return std::move(done).error();
  }
  take(plan.config, plan.applied, origins);
  if (parts_.session.refresh_credentials()) plan.applied.emplace_back(kCredentials);
  ConfigReading kept;
  {
    MutexLock lock(mutex_);
    kept = in_effect_;
  }
  THAW_TRY(parts_.keep(kept));
  const Json answer{{"applied", plan.applied}, {"needs_restart", plan.needs_restart}};
  log_info("the configuration was read again: {}", answer.dump());
  return answer;
}

Status LiveSettings::carry_out(const Config& config, const std::vector<std::string>& keys) {
  for (const Deed& deed : deeds_) {
    const bool wanted = std::ranges::any_of(
        deed.keys, [&keys](const std::string& key) { return std::ranges::count(keys, key) > 0; });
    if (!wanted) continue;
    if (const Status done = deed.apply(config); !done.ok())
      return Error{done.error().code, "\"" + deed.keys.front() + "\": " + done.error().message};
  }
  return {};
}

void LiveSettings::take(const Config& config, const std::vector<std::string>& keys,
                        const ConfigOrigins& origins) {
  MutexLock lock(mutex_);
  in_effect_.config = config;
  for (const std::string& key : keys) {
    const auto found = origins.find(key);
    if (found != origins.end()) in_effect_.origins[key] = "reload: " + found->second;
  }
}

}  // namespace thaw
