// LiveSettings: the configuration that this daemon has in effect, and how another one takes effect while it
// runs.
//
// Owned by the worker. Any thread that may wait; one reload at a time.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "daemon/config/config_reader.h"
#include "daemon/flash_tier.h"
#include "daemon/mounts/mount_table.h"
#include "daemon/store_session.h"
#include "daemon/wiring.h"
#include "daemon/worker/served_images.h"
#include "daemon/worker/traces.h"
#include "daemon/zone_tier.h"
#include "lib/base/mutex.h"

namespace thaw {

class LiveSettings {
 public:
  struct Parts {
    StoreSession& session;
    MountTable& mounts;
    ServedImages& images;
    Chain& chain;
    Traces& traces;
    ZoneTier* zone;    // nullptr: there is no such tier
    FlashTier* flash;  // the same
    // Keeps what is in effect for the next worker.
    std::function<Status(const ConfigReading&)> keep;
  };

  // `in_effect`: what the parts were made with. `config_file`: what the daemon was started with. Throws
  // std::logic_error when a key that a reload shall take has no deed here, or one that it shall not take has.
  LiveSettings(const Parts& parts, ConfigReading in_effect, std::string config_file);

  Config config() const EXCLUDES(mutex_);
  // As `thaw config show --json` prints it.
  nlohmann::json describe() const EXCLUDES(mutex_);

  // Reads the file again. A file that is not right changes nothing. Answers with what was `applied` and what
  // `needs_restart`.
  Result<nlohmann::json> reload() EXCLUDES(reloading_, mutex_);

 private:
  // The keys that take effect together, and how.
  struct Deed {
    std::vector<std::string> keys;
    std::function<Status(const Config&)> apply;
  };

  std::vector<Deed> deeds();
  void check_deeds() const;
  Status carry_out(const Config& config, const std::vector<std::string>& keys);
  void take(const Config& config, const std::vector<std::string>& keys, const ConfigOrigins& origins)
      EXCLUDES(mutex_);

  const Parts parts_;
  const std::string config_file_;
  const std::vector<Deed> deeds_;

  Mutex reloading_;  // taken before mutex_; held while parts change
  mutable Mutex mutex_;
  ConfigReading in_effect_ GUARDED_BY(mutex_);
};

// What follows from several keys.
MemoryOptions memory_options(const Config& config);
ReadAheadBudget::Limits read_ahead_limits(const Config& config);
// What wide reads may have in hand while they wait.
uint64_t held_bytes(const Config& config);
// Requests to the store, each with the buffer of its answer: no more than memory has room for.
uint32_t origin_in_flight(const Config& config);
// Chunks in flight for one image: enough to fill a link whose answers take long, little of the memory tier.
uint32_t prefetch_window(const Config& config);

}  // namespace thaw
