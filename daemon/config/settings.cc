#include "daemon/config/settings.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "daemon/config/setting_kinds.h"

namespace thaw {
namespace {

Setting row(Takes takes, Setting setting, const char* about) {
  setting.takes = takes;
  setting.about = about;
  return setting;
}
Setting live(Setting setting, const char* about) { return row(Takes::kReload, std::move(setting), about); }
Setting restart(Setting setting, const char* about) {
  return row(Takes::kRestart, std::move(setting), about);
}
Setting command(Setting setting, const char* about) {
  return row(Takes::kCommand, std::move(setting), about);
}

std::vector<Setting> daemon_settings() {
  using C = Config;
  return {
      restart(text_setting("store.url", &C::store_url),
              "the object store: file:///DIR or s3://BUCKET/PREFIX"),
      command(choice_setting("store.consistency", &C::store_consistency, {"strong", "eventual"}),
              "eventual: the store may show later what was written, so that nothing is ever deleted"),
      restart(optional_text_setting("s3.endpoint", &C::s3_endpoint),
              "http://HOST:PORT or https://HOST; empty: AWS in s3.region"),
      restart(text_setting("s3.region", &C::s3_region), "the bucket's region, part of each signature"),
      restart(yes_or_no_setting("s3.path_style", &C::s3_path_style),
              "HOST/BUCKET/KEY; false: BUCKET.HOST/KEY"),
      restart(optional_text_setting("s3.ca_file", &C::s3_ca_file),
              "whose certificates are trusted with https; empty: the system's"),
      restart(text_setting("keys.url", &C::keys_url), "the key service: file:///DIR, pkcs11:… or aws-kms:…"),
      restart(time_setting("keys.cache_age", &C::keys_cache_age),
              "how long an image can be mounted again without asking the key service; 0s: never"),
      live(text_setting("tenant", &C::tenant), "whose images, where --tenant is not given"),
      command(choice_setting("isolation", &C::isolation, {"shared", "private"}),
              "private: what is built shares no chunk with other tenants, by a salt of the tenant's own"),
      restart(text_setting("run_dir", &C::run_dir), "socket, FUSE mount, ext4 mounts; one daemon each"),
      restart(text_setting("state_dir", &C::state_dir),
              "records of mounts, running containers' writable layers; one daemon each"),
      live(texts_setting("trust.builders", &C::trusted_builders),
           "public keys (64 hex digits) of builders; empty: those that the keyring trusts"),
      live(size_setting("memory.size", number_of(&C::memory_bytes), kMinMemoryBytes),
           "the memory tier, at least 64MiB"),
      restart(choice_setting("memory.eviction", &C::memory_eviction, {"s3-fifo", "lru-k"}),
              "which chunks it forgets first"),
      live(yes_or_no_setting("prefetch.replay", &C::prefetch_replay),
           "fetch what an image read first when it was mounted before, as soon as it is mounted"),
      restart(optional_text_setting("flash.path", &C::flash_path),
              "a file or block device for the flash tier; empty: no such tier"),
      live(size_setting("flash.size", number_of(&C::flash_bytes), kMinFlashBytes),
           "how large it may become, at least 64MiB"),
      live(choice_setting("flash.admit", &C::flash_admit, {"all", "second"}),
           "second: only what is fetched a second time is written"),
      live(count_setting("flash.daily_rewrites", number_of(&C::flash_daily_rewrites), 1, 10'000),
           "how often a day the whole of it may be written; then it is only read"),
      live(texts_setting("zone.nodes", &C::zone_nodes),
           "memcached nodes, HOST:PORT or HOST:PORT@DOMAIN (what fails together); none: no zone tier"),
      live(
          size_setting("zone.write_rate", number_of(&C::zone_write_rate), kMinZoneWriteRate),
          "what this worker gives one node to write, a second; less for a fleet than a node's flusher takes"),
      live(yes_or_no_setting("zone.tls", &C::zone_tls), "speak TLS with the nodes"),
      live(optional_text_setting("zone.ca_file", &C::zone_ca_file),
           "authorities in PEM that the nodes' certificates must come from; empty: the system's"),
      live(optional_text_setting("zone.auth_file", &C::zone_auth_file),
           "log in at the nodes with its first line, USER:PASSWORD; empty: no login"),
      restart(count_setting("zone.data_shards", number_of(&C::zone_data_shards), 1, 32),
              "a chunk is cut into so many shards, of which any data_shards will do"),
      restart(count_setting("zone.parity_shards", number_of(&C::zone_parity_shards), 0, 16),
              "shards beyond these, each on a node of its own"),
      restart(optional_text_setting("metrics.listen", &C::metrics_listen),
              "HOST:PORT for GET /metrics; empty: none"),
      live(time_setting("read.deadline", &C::read_deadline, std::chrono::seconds(1)),
           "a read that cannot be answered is EIO after this; at least 1s"),
      live(choice_setting("read.outage", &C::read_outage, {"error", "wait"}),
           "wait: reads of images mounted from now on wait as long as the store is away"),
      live(count_setting("read.ahead_chunks", number_of(&C::read_ahead_chunks), 0, 256),
           "how many chunks at most are read ahead of a sequential reader; 0: none"),
      live(count_setting("origin.in_flight", number_of(&C::origin_in_flight), 1, 4096),
           "requests to the store at the same time"),
      live(time_setting("mount.linger", &C::mount_linger), "how long an image stays after its last mount"),
      live(choice_setting("log.level", &C::log_level, {"debug", "info", "warn", "error"}), "what thawd logs"),
  };
}

std::vector<Setting> command_settings() {
  using C = Config;
  using L = Limits;
  constexpr uint64_t kMany = std::numeric_limits<uint32_t>::max();
  const auto count = [](const char* key, uint64_t L::*field, uint64_t least, uint64_t most,
                        const char* about) {
    return command(count_setting(key, limit_of(field), least, most), about);
  };
  const auto size = [](const char* key, uint64_t L::*field, uint64_t least, const char* about) {
    return command(size_setting(key, limit_of(field), least), about);
  };
  return {
      command(text_setting("build.spool_dir", &C::build_spool_dir),
              "where builds keep contents, in a file without a name"),
      count("build.max_layers", &L::max_layers, 1, kMany, "layers of an image"),
      count("build.max_entries", &L::max_entries, 1, kMany, "entries of all its layers"),
      size("build.max_expanded_bytes", &L::max_expanded_bytes, 1, "all its layers, uncompressed"),
      count("build.max_expansion_ratio", &L::max_expansion_ratio, 1, kMany,
            "how much larger than compressed a layer may be, once it is larger than expansion_floor_bytes"),
      size("build.expansion_floor_bytes", &L::expansion_floor_bytes, 0, "see max_expansion_ratio"),
      size("build.max_file_bytes", &L::max_file_bytes, 1, "one file"),
      count("build.max_path_bytes", &L::max_path_bytes, 1, 64 * kKiB, "the path of a file"),
      count("build.max_path_depth", &L::max_path_depth, 1, 8192, "folders in a path"),
      size("build.max_xattr_bytes", &L::max_xattr_bytes, 0, "the extended attributes of a file"),
      size("build.max_xattr_bytes_total", &L::max_xattr_bytes_total, 0, "those of all files"),
      size("build.max_header_bytes", &L::max_header_bytes, kKiB,
           "long names and extended headers of an entry"),
      count("build.max_sparse_ranges", &L::max_sparse_ranges, 1, kMany, "pieces of a sparse file"),
      size("build.max_metadata_bytes", &L::max_metadata_bytes, kMiB, "what a build keeps in memory"),
      size("build.max_json_bytes", &L::max_json_bytes, kKiB, "a JSON document of an image"),
      count("build.max_json_depth", &L::max_json_depth, 1, 512, "how deep it may nest"),
      // Workers renew their leases every 10 minutes.
      command(time_setting("gc.lease_lapse", &C::lease_lapse, std::chrono::hours(1)),
              "a worker or build that did not renew its lease for so long needs nothing more; at least 1h"),
      command(count_setting("gc.begin_percent", number_of(&C::gc_begin_percent), 0, 100),
              "'thaw gc' begins a new generation, which copies all that is used, when nothing uses so many "
              "percent of a root's images; 0: when nothing uses one of them"),
      command(time_setting("roots.expire_for", &C::expire_for),
              "how long 'thaw gc' leaves a root retired, and then expired, before it goes on"),
      command(
          time_setting("salts.by_time", &C::salts_by_time),
          "chunks of images built in different periods of this length are different objects; 0s: the same"),
      command(optional_text_setting("salts.by_zone", &C::salts_by_zone),
              "chunks of images built for different zones are different objects; empty: the same"),
      command(count_setting("salts.popular", number_of(&C::salts_popular), 0, 100),
              "chunks that more images use than this are an object for each of salts.groups; 0: one object"),
      command(count_setting("salts.groups", number_of(&C::salts_groups), 2, 256),
              "groups of images, see salts.popular"),
      command(optional_text_setting("registry.ca_file", &C::registry_ca_file),
              "whose certificates are trusted when an image is built from a registry; empty: the system's"),
      command(mirrors_setting("registry.mirrors", &C::registry_mirrors),
              "by registry what is asked before it, as {\"docker.io\": [\"https://HOST\"]}"),
      command(text_setting("run.runtime", &C::run_runtime), "runc, crun, a path, or auto"),
  };
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table = [] {
    std::vector<Setting> all = daemon_settings();
    std::ranges::move(command_settings(), std::back_inserter(all));
    return all;
  }();
  return table;
}

const Setting* find_setting(const std::string& key) {
  const auto found = std::ranges::find(settings(), key, &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

bool is_setting_group(const std::string& key) {
  return std::ranges::any_of(settings(), [&key](const Setting& s) { return s.key.starts_with(key + "."); });
}

std::string nearest_key(const std::string& key) {
  const auto best = std::ranges::min_element(settings(), {}, [&key](const Setting& setting) {
    const std::string leaf = setting.key.substr(setting.key.find_last_of('.') + 1);
    return std::min(edit_distance(key, setting.key),
                    edit_distance(key.substr(key.find_last_of('.') + 1), leaf) + 1);
  });
  return best->key;
}

}  // namespace thaw
