// ZoneTier: the zone store with what it stands on: the loop of its connections and that loop's thread.
//
// Owned by the worker. Constructed before the chain and destroyed after it.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/zone/zone_store.h"
#include "daemon/config/config.h"
#include "daemon/processes/worker_pool.h"
#include "lib/io/event_loop.h"

namespace thaw {

class ZoneTier {
 public:
  struct Parts {
    CpuQueue& cpu;
    TierCounters& tier;
    ZoneCounters& counters;
  };

  // Waits for no look-up of the nodes' names. kUsage for nodes or shard counts that are not
  // possible.
  static Result<std::unique_ptr<ZoneTier>> open(const Config& config, const Parts& parts);
  ~ZoneTier();
  ZoneTier(const ZoneTier&) = delete;
  ZoneTier& operator=(const ZoneTier&) = delete;

  ZoneStore& store() { return *store_; }

  // Other nodes from now on, or another way to be let in; what the others hold stays where it is. The files
  // that the configuration names are read again, and its share of memory.size is taken. Connections that stay
  // as they are stay open. Blocks for the files.
  Status reconfigure(const Config& config);

 private:
  // What NodeAccess is made of.
  struct AccessFiles {
    bool tls = false;
    std::string authorities;
    std::string login;

    bool operator==(const AccessFiles&) const = default;
  };

  ZoneTier() = default;

  static Result<AccessFiles> read_access(const Config& config);
  Status set_access(const Config& config);
  Result<std::vector<ZoneNode>> nodes_of(const Config& config) const;

  // Of the thread that configures.
  AccessFiles access_files_;
  std::shared_ptr<const NodeAccess> access_;

  std::unique_ptr<EventLoop> loop_;
  WorkerPool names_{"zone-names", 1};  // looks the nodes' names up; ends before the loop does
  std::unique_ptr<ZoneStore> store_;
  std::thread thread_;
};

}  // namespace thaw
