#include "daemon/zone_tier.h"

#include <algorithm>
#include <utility>

#include "daemon/processes/worker_pool.h"
#include "lib/crypto/random.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

// Reads from the zone together hold so much of memory.size at most, with their parity.
constexpr uint64_t kReadShare = 4;
constexpr uint64_t kWriteShare = 8;

ZoneLimits zone_limits(const Config& config) {
  ZoneLimits limits;
  const uint64_t a_read = uint64_t{kDefaultChunkSize} *
                          (config.zone_data_shards + config.zone_parity_shards) / config.zone_data_shards;
  limits.reads_in_flight = static_cast<uint32_t>(
      std::clamp<uint64_t>(config.memory_bytes / kReadShare / a_read, 8, limits.reads_in_flight));
  limits.reads_in_flight_background = limits.reads_in_flight * 3 / 4;
  limits.reads_in_flight_per_mount = limits.reads_in_flight * 3 / 4;
  limits.write_bytes = std::clamp(config.memory_bytes / kWriteShare, 4 * kMiB, limits.write_bytes);
  return limits;
}

}  // namespace

Result<std::unique_ptr<ZoneTier>> ZoneTier::open(const Config& config, const Parts& parts) {
  THAW_ASSIGN(std::vector<ZoneNode> nodes, parse_zone_nodes(config.zone_nodes));
  std::unique_ptr<ZoneTier> tier(new ZoneTier());
  THAW_ASSIGN(tier->loop_, EventLoop::create());
  THAW_ASSIGN(tier->store_,
              ZoneStore::create({*tier->loop_, parts.cpu, parts.tier, parts.counters, random_number()},
                                static_cast<unsigned>(config.zone_data_shards),
                                static_cast<unsigned>(config.zone_parity_shards), std::move(nodes),
                                zone_limits(config)));
  tier->thread_ = start_thread("zone", [loop = tier->loop_.get()] { loop->run(); });
  return tier;
}

ZoneTier::~ZoneTier() {
  if (!thread_.joinable()) return;
  store_->shut_down();
  store_->drain();
  loop_->stop();
  thread_.join();
}

Status ZoneTier::set_nodes(const Config& config) {
  THAW_ASSIGN(std::vector<ZoneNode> nodes, parse_zone_nodes(config.zone_nodes));
  return store_->set_nodes(std::move(nodes));
}

}  // namespace thaw
