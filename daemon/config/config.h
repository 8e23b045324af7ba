// Config: everything that can be set, as one value. daemon/ is the only room that reads it; it hands plain
// parameters to the parts that it constructs. docs/operating.md lists the keys.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/units.h"
#include "lib/oci/limits.h"

namespace thaw {

inline constexpr const char* kDefaultConfigFile = "/etc/thaw/thaw.json";
inline constexpr uint64_t kMinMemoryBytes = 64 * kMiB;
inline constexpr uint64_t kMinFlashBytes = 64 * kMiB;
// A quarter of a second of it holds the largest shard, a whole chunk.
inline constexpr uint64_t kMinZoneWriteRate = 4 * kMiB;

// Of a registry ("docker.io") "https://HOST[:PORT]", in the order in which they are asked.
using RegistryMirrors = std::map<std::string, std::vector<std::string>>;

struct Config {
  std::string store_url = "file:///var/lib/thaw/store";
  std::string keys_url = "file:///etc/thaw/keys";
  std::chrono::milliseconds keys_cache_age{600'000};
  std::string tenant = "default";
  std::string run_dir = "/run/thaw";
  std::string state_dir = "/var/lib/thaw";
  std::vector<std::string>
      trusted_builders;  // public keys, 64 hex digits; empty: those that the keyring trusts

  std::string s3_endpoint;  // empty: AWS in s3_region
  std::string s3_region = "us-east-1";
  bool s3_path_style = true;
  std::string s3_ca_file;  // empty: the system's

  uint64_t memory_bytes = kGiB;
  std::string memory_eviction = "s3-fifo";  // or "lru-k"
  bool prefetch_replay = true;
  std::string flash_path;  // empty: no flash tier
  uint64_t flash_bytes = 20 * kGiB;
  std::string flash_admit = "all";      // or "second"
  uint64_t flash_daily_rewrites = 10;   // times flash_bytes may be written in a day
  std::vector<std::string> zone_nodes;  // "HOST:PORT[@DOMAIN]"; empty: no zone tier
  uint64_t zone_data_shards = 4;
  uint64_t zone_parity_shards = 1;
  uint64_t zone_write_rate = 150'000'000;  // bytes a second, for each node
  bool zone_tls = false;
  std::string zone_ca_file;    // PEM; empty: the system's authorities
  std::string zone_auth_file;  // memcached's own, "USER:PASSWORD"; empty: no login
  std::string metrics_listen;  // "HOST:PORT"; empty: none

  std::chrono::milliseconds read_deadline{30'000};
  std::string read_outage = "error";           // or "wait"
  std::string isolation = "shared";            // or "private"
  std::chrono::milliseconds salts_by_time{0};  // 0: no periods
  std::string salts_by_zone;                   // empty: no zones
  uint64_t salts_popular = 0;                  // 0: no chunk is popular
  uint64_t salts_groups = 16;
  std::chrono::milliseconds mount_linger{60'000};
  uint64_t origin_in_flight = 64;
  uint64_t read_ahead_chunks = 64;

  std::string build_spool_dir = "/var/tmp";
  Limits build_limits;  // "build.max_…"

  std::string store_consistency = "strong";  // or "eventual"
  std::chrono::milliseconds lease_lapse = std::chrono::hours(24);
  uint64_t gc_begin_percent = 5;
  std::chrono::milliseconds expire_for = std::chrono::hours(7 * 24);
  std::string registry_ca_file;  // empty: the system's
  RegistryMirrors registry_mirrors;

  std::string run_runtime = "auto";  // "runc", "crun" or a path
  std::string log_level = "info";
};

// Reads `path`, or, when it is empty, $THAW_CONFIG, or /etc/thaw/thaw.json, or (when that is not there) the
// defaults. kUsage with the file, the key and the remedy for anything that is not understood.
Result<Config> load_config(const std::string& path);

// Parses one JSON text (comments allowed); `origin` names it in errors.
Result<Config> parse_config(const std::string& text, const std::string& origin);

// The whole configuration as JSON text, indented; every key is there.
std::string config_text(const Config& config);

// The same as a file to start from: a comment says what each key is for.
std::string commented_config_text(const Config& config);

// The keys whose values differ, as "memory.size".
std::vector<std::string> changed_keys(const Config& before, const Config& after);

}  // namespace thaw
