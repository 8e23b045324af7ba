#include "daemon/zone_tier.h"

#include <algorithm>
#include <utility>

#include "daemon/log/log.h"
#include "lib/base/file.h"
#include "lib/crypto/random.h"
#include "lib/manifest/manifest.h"

namespace thaw {
namespace {

// Reads from the zone together hold so much of memory.size at most, with their parity.
constexpr uint64_t kReadShare = 4;
constexpr uint64_t kWriteShare = 8;

constexpr uint64_t kMaxAccessFileBytes = kMiB;

Result<std::string> read_access_file(const std::string& key, const std::string& path) {
  if (path.empty()) return std::string();
  const auto text = read_file(path, kMaxAccessFileBytes);
  if (!text.ok()) return Error{Code::kUsage, "\"" + key + "\": " + text.error().message};
  return std::string(as_text(text.value().view()));
}

Error wrong_file(const std::string& key, const std::string& path, const Error& why) {
  return {why.code, "\"" + key + "\": " + path + ": " + why.message};
}

void log_trouble(const std::string& line) { log_warn("zone node {}", line); }

ZoneLimits zone_limits(const Config& config) {
  ZoneLimits limits;
  const uint64_t a_read = uint64_t{kDefaultChunkSize} *
                          (config.zone_data_shards + config.zone_parity_shards) / config.zone_data_shards;
  limits.reads = Slots::caps(static_cast<uint32_t>(
      std::clamp<uint64_t>(config.memory_bytes / kReadShare / a_read, 8, limits.reads.all)));
  limits.write_bytes = std::clamp(config.memory_bytes / kWriteShare, 4 * kMiB, limits.write_bytes);
  limits.node_write_rate = config.zone_write_rate;
  return limits;
}

}  // namespace

Result<std::unique_ptr<ZoneTier>> ZoneTier::open(const Config& config, const Parts& parts) {
  std::unique_ptr<ZoneTier> tier(new ZoneTier());
  THAW_TRY(tier->set_access(config));
  THAW_ASSIGN(std::vector<ZoneNode> nodes, tier->nodes_of(config));
  THAW_ASSIGN(tier->loop_, EventLoop::create());
  THAW_ASSIGN(tier->store_,
              ZoneStore::create(
                  {*tier->loop_, parts.cpu, parts.tier, parts.counters,
                   NameLookup{tier->names_, resolve_address, log_trouble}, random_number(), log_trouble},
                  static_cast<unsigned>(config.zone_data_shards),
                  static_cast<unsigned>(config.zone_parity_shards), std::move(nodes), zone_limits(config)));
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

Result<ZoneTier::AccessFiles> ZoneTier::read_access(const Config& config) {
  AccessFiles files;
  files.tls = config.zone_tls;
  THAW_ASSIGN(files.authorities, read_access_file("zone.ca_file", config.zone_ca_file));
  THAW_ASSIGN(files.login, read_access_file("zone.auth_file", config.zone_auth_file));
  return files;
}

// The same object as long as nothing has changed: nodes whose access changes are connected to anew.
Status ZoneTier::set_access(const Config& config) {
  THAW_ASSIGN(AccessFiles files, read_access(config));
  if (access_ != nullptr && files == access_files_) return {};
  NodeAccess access;
  if (files.tls) {
    auto tls = TlsContext::create(files.authorities);
    if (!tls.ok()) return wrong_file("zone.ca_file", config.zone_ca_file, tls.error());
    access.tls = std::move(tls).value();
  }
  if (!config.zone_auth_file.empty()) {
    auto login = parse_login(files.login);
    if (!login.ok()) return wrong_file("zone.auth_file", config.zone_auth_file, login.error());
    access.login = std::move(login).value();
  }
  access_ = std::make_shared<const NodeAccess>(std::move(access));
  access_files_ = std::move(files);
  return {};
}

Result<std::vector<ZoneNode>> ZoneTier::nodes_of(const Config& config) const {
  THAW_ASSIGN(std::vector<ZoneNode> nodes, parse_zone_nodes(config.zone_nodes));
  for (ZoneNode& node : nodes) node.access = access_;
  return nodes;
}

Status ZoneTier::reconfigure(const Config& config) {
  THAW_TRY(set_access(config));
  THAW_ASSIGN(std::vector<ZoneNode> nodes, nodes_of(config));
  THAW_TRY(store_->set_nodes(std::move(nodes)));
  store_->set_limits(zone_limits(config));
  return {};
}

}  // namespace thaw
