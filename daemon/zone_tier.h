// ZoneTier: the zone store with what it stands on: the loop of its connections and that loop's thread.
//
// Owned by the worker. Constructed before the chain and destroyed after it.
#pragma once

#include <memory>
#include <thread>

#include "cache/zone/zone_store.h"
#include "daemon/config/config.h"
#include "lib/io/event_loop.h"

namespace thaw {

class ZoneTier {
 public:
  struct Parts {
    Executor& cpu;
    TierCounters& tier;
    ZoneCounters& counters;
  };

  // Looks the nodes' names up, which may take a while. kUsage for nodes or shard counts that are not
  // possible.
  static Result<std::unique_ptr<ZoneTier>> open(const Config& config, const Parts& parts);
  ~ZoneTier();
  ZoneTier(const ZoneTier&) = delete;
  ZoneTier& operator=(const ZoneTier&) = delete;

  ZoneStore& store() { return *store_; }

  // Other nodes from now on; what the others hold stays where it is. Blocks like open().
  Status set_nodes(const Config& config);

 private:
  ZoneTier() = default;

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<ZoneStore> store_;
  std::thread thread_;
};

}  // namespace thaw
