#include "daemon/worker/worker.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "daemon/config/config_json.h"
#include "daemon/control/metrics_server.h"
#include "daemon/flash_tier.h"
#include "daemon/log/log.h"
#include "daemon/mounts/earlier_mounts.h"
#include "daemon/processes/worker_link.h"
#include "daemon/processes/worker_pool.h"
#include "daemon/worker/control_api.h"
#include "daemon/worker/live_settings.h"
#include "daemon/worker/metrics_text.h"
#include "daemon/zone_tier.h"
#include "fuse/session.h"
#include "lib/base/file_url.h"
#include "lib/base/real_path.h"
#include "lib/base/timer_queue.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

// The configuration that this daemon runs with. A worker that starts again must not stumble over a file that
// somebody is editing.
constexpr const char* kConfigRecord = "config";

constexpr size_t kLeastReaders = 2;
constexpr std::chrono::seconds kOutageReport{30};
constexpr std::chrono::seconds kMetricsRetry{2};
constexpr std::chrono::seconds kLeasePatience{1};
// Who the worker is to collection, as long as the daemon lives.
constexpr const char* kHolderRecord = "lease-holder";

Status keep_config(WorkerLink& link, const ConfigReading& in_effect) {
  THAW_TRY(link.put({kLogLevelRecord, in_effect.config.log_level, {}}, Keep::kInMemory));
  const std::string text = json_text(config_json(in_effect));
  THAW_ASSIGN(Fd blob, make_blob(as_bytes(text)));
  return link.put({kConfigRecord, "", std::move(blob)}, Keep::kInMemory);
}

Result<ConfigReading> running_config(WorkerLink& link, const Inheritance& inheritance,
                                     const std::string& file) {
  for (const Record& record : inheritance.records) {
    if (record.key != kConfigRecord) continue;
    THAW_ASSIGN(const Buffer text, read_blob(record.blob));
    return read_config_json(read_json(as_text(text.view())));
  }
  THAW_ASSIGN(ConfigReading reading, read_config_file(file));
  THAW_TRY(accepted(reading));
  THAW_TRY(keep_config(link, reading));
  return reading;
}

Result<Identifier> lease_holder(WorkerLink& link, const Inheritance& inheritance) {
  for (const Record& record : inheritance.records) {
    if (record.key != kHolderRecord) continue;
    if (const auto holder = Identifier::from_hex(record.value)) return *holder;
  }
  const Identifier holder = Identifier::random();
  THAW_TRY(link.put({kHolderRecord, holder.hex(), {}}, Keep::kInMemory));
  return holder;
}

Result<CountersPage*> map_counters(const Fd& memory) {
  void* page = ::mmap(nullptr, CountersPage::kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  if (page == MAP_FAILED) return system_error("the counters' memory", errno);
  auto* counters = static_cast<CountersPage*>(page);
  counters->forget_in_flight();
  return counters;
}

std::unique_ptr<FlashTier> open_flash(const Config& config, const FlashTier::Parts& parts) {
  if (config.flash_path.empty()) return nullptr;
  return std::make_unique<FlashTier>(config, parts);
}

// Reads go on without it: a zone that cannot be used is a miss.
std::unique_ptr<ZoneTier> open_zone(const Config& config, const ZoneTier::Parts& parts) {
  if (config.zone_nodes.empty()) return nullptr;
  auto zone = ZoneTier::open(config, parts);
  if (zone.ok()) return std::move(zone).value();
  log_error("no zone tier: {}", zone.error().message);
  return nullptr;
}

ChainOptions chain_options(const Config& config) {
  ChainOptions options;
  options.memory = memory_options(config);
  options.origin_in_flight = origin_in_flight(config);
  options.read_ahead = read_ahead_limits(config);
  options.held_bytes = held_bytes(config);
  return options;
}

MountTableOptions mount_options(const Config& config) {
  MountTableOptions options;
  options.run_dir = without_links(config.run_dir);
  for (const std::string& path : {config.state_dir, config.flash_path}) {
    if (!path.empty()) options.own.paths.push_back(without_links(path));
  }
  options.own.folders.push_back(without_links(config.state_dir) + "/run");
  for (const auto& path : {path_of_file_url(config.store_url), path_of_file_url(config.keys_url)}) {
    if (!path || path->empty()) continue;
    options.own.paths.push_back(without_links(*path));
    options.own.folders.push_back(without_links(*path));
  }
  options.linger = config.mount_linger;
  return options;
}

// All that a worker has, constructed downwards and destroyed upwards.
class Worker {
 public:
  Worker(WorkerLink& link, std::unique_ptr<StoreSession> session, CountersPage& counters,
         const ConfigReading& reading, const std::string& config_file, const Identifier& holder)
      : link_(link),
        counters_(counters),
        session_(std::move(session)),
        cpu_(session_->cpu()),
        flash_(open_flash(reading.config, {cpu_, timers_, counters.tier(Tier::kFlash)})),
        zone_(open_zone(reading.config, {cpu_, counters.tier(Tier::kZone), counters.zone})),
        watched_(session_->store(),
                 [this](Finding finding, const std::string& key) { roots_.note(finding, key); }),
        chain_({watched_, cpu_, timers_, counters, flash_ ? &flash_->store() : nullptr,
                zone_ ? &zone_->store() : nullptr},
               chain_options(reading.config)),
        images_(chain_, counters, timers_, reading.config.read_deadline),
        mounts_({images_, link, helpers_, timers_}, mount_options(reading.config)),
        traces_({session_->store(), chain_, counters, timers_, prefetch_window(reading.config)}),
        live_({*session_, mounts_, images_, chain_, traces_, zone_.get(), flash_.get(),
               [this](const ConfigReading& in_effect) { return keep_config(link_, in_effect); }},
              reading, config_file),
        leases_(session_->catalog(), holder, [this] { return images_.manifests(); }),
        roots_({session_->catalog(), leases_, counters.collection,
                [this](std::vector<RootId> roots) { chain_.origin().set_roots(std::move(roots)); },
                [this](std::set<RootId> roots) { watched_.set_expired(std::move(roots)); },
                [this] { return images_.manifests(); }}),
        fills_({mounts_, images_, chain_, counters, timers_}),
        remounts_(link),
        api_({*session_, mounts_, images_, chain_, counters, traces_, live_, leases_, roots_, fills_,
              remounts_}),
        metrics_listen_(reading.config.metrics_listen) {
    images_.sample_hits([this](const ChunkRef& hit) { roots_.check_later(hit); });
    images_.on_hidden([this] {
      roots_.hurry();
      fills_.refresh();
    });
  }

  Status run(Inheritance inheritance);

 private:
  Result<Session> start_session(Inheritance& inheritance);
  void start_threads(Session& session);
  void reload();
  void watch_store();
  void serve_metrics();

  WorkerLink& link_;
  CountersPage& counters_;
  TimerQueue timers_;
  std::unique_ptr<StoreSession> session_;
  CpuQueue cpu_;
  std::unique_ptr<FlashTier> flash_;  // nothing without flash.path
  std::unique_ptr<ZoneTier> zone_;    // nothing without zone.nodes
  WatchedStore watched_;
  Chain chain_;
  ServedImages images_;
  HelperClient helpers_;
  MountTable mounts_;
  Traces traces_;
  LiveSettings live_;
  Leases leases_;
  RootFollower roots_;
  Fills fills_;
  Remounts remounts_;
  ControlApi api_;
  const std::string metrics_listen_;  // empty: nowhere
  std::vector<std::thread> threads_;
};

Result<Session> Worker::start_session(Inheritance& inheritance) {
  SessionOptions options;
  options.recorded_init = std::move(inheritance.fuse_init);
  options.record_init = [this](ByteView init) {
    return link_.put({kFuseInitRecord, std::string(as_text(init)), {}}, Keep::kInMemory);
  };
  return Session::start(std::move(inheritance.fuse), images_, counters_.reads, std::move(options));
}

void Worker::start_threads(Session& session) {
  threads_.push_back(start_thread("timers", [this] { timers_.run(); }));
  threads_.push_back(start_thread("sweeper", [this] { mounts_.run_sweeper(); }));
  threads_.push_back(start_thread("roots", [this] { roots_.run(); }));
  const size_t readers = std::max<size_t>(kLeastReaders, std::thread::hardware_concurrency());
  for (size_t i = 0; i < readers; ++i) {
    threads_.push_back(start_thread("fuse/" + std::to_string(i), [&session] { session.run(); }));
  }
}

// Says every 30 s that the store is away; reads may be waiting for it (`read.outage`).
void Worker::watch_store() {
  if (const Duration away = chain_.origin().away_for(); away > Duration::zero()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(away).count();
    log_warn("the store has not answered for {} s", seconds);
  }
  timers_.call_at(timers_.now() + kOutageReport, [this] { watch_store(); });
}

void Worker::reload() {
  roots_.hurry();
  remounts_.hurry();
  const auto reloaded = live_.reload();
  if (!reloaded.ok()) log_error("reload: {}", reloaded.error().message);
}

// Somebody may still have the address, an earlier worker for one: reads do not wait for that.
void Worker::serve_metrics() {
  const auto address = ListenAddress::parse(metrics_listen_);
  if (!address.ok()) return log_error("metrics.listen: {}", address.error().message);
  MetricsServer server(address.value(), [this] {
    return metrics_text({counters_, chain_, mounts_, fills_.sum(), remounts_.waiting().size()});
  });
  Status bound = server.bind();
  if (!bound.ok()) log_error("{}", bound.error().message);
  while (!bound.ok()) {
    std::this_thread::sleep_for(kMetricsRetry);
    bound = server.bind();
  }
  server.run();
}

Status Worker::run(Inheritance inheritance) {
  THAW_TRY(mounts_.restore(inheritance.records));
  THAW_ASSIGN(Session session, start_session(inheritance));
  start_threads(session);
  watch_store();
  mounts_.settle();
  fills_.refresh();
  remounts_.add(earlier_mounts(inheritance.earlier));
  THAW_TRY(link_.ready());
  ControlServer server(std::move(inheritance.control));
  api_.register_with(server);
  std::thread control = start_thread("control", [&server] { server.run(); });
  if (!metrics_listen_.empty()) threads_.push_back(start_thread("metrics", [this] { serve_metrics(); }));
  threads_.push_back(start_thread("remounts", [this] {
    remounts_.run([this](const MountRequest& earlier) { return api_.mount_again(earlier); });
  }));
  for (Order order = link_.next_order(); order != Order::kStop; order = link_.next_order()) reload();
  leases_.end(kLeasePatience);
  // The supervisor takes down what is mounted; what is still in flight here ends with the process.
  std::_Exit(0);
}

Status start_worker(const std::string& config_file) {
  WorkerLink link;
  THAW_ASSIGN(Inheritance inheritance, link.inherit());
  THAW_ASSIGN(const ConfigReading reading, running_config(link, inheritance, config_file));
  const Config& config = reading.config;
  set_log_level(config.log_level);
  THAW_ASSIGN(CountersPage * counters, map_counters(inheritance.counters));
  THAW_ASSIGN(auto session, StoreSession::open(config, StoreUse::kRead, KeyringUse::kRead));
  THAW_ASSIGN(const Identifier holder, lease_holder(link, inheritance));
  return Worker(link, std::move(session), *counters, reading, config_file, holder)
      .run(std::move(inheritance));
}

}  // namespace

int run_worker(const std::string& config_file) {
  // Keys and plaintext are in this process; nobody but root may look at it, and no core file is written.
  ::prctl(PR_SET_DUMPABLE, 0);
  const Status done = start_worker(config_file);
  if (done.ok()) return 0;
  log_error("worker: {}", done.error().message);
  return 1;
}

}  // namespace thaw
