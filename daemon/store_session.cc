#include "daemon/store_session.h"

#include <sys/prctl.h>

#include <algorithm>
#include <thread>

#include "daemon/trusted_builders.h"
#include "lib/store/retrying_store.h"

namespace thaw {
namespace {

// Mostly waiting for the disk; see DirectoryStore.
constexpr size_t kIoThreads = 12;

// How long the catalog is patient with a network store: a build or collection has work to lose, a person
// waits for the rest.
constexpr std::chrono::seconds kWorkPatience{60};
constexpr std::chrono::seconds kReadPatience{5};

StoreRetryLimits retry_limits(StoreUse use) {
  StoreRetryLimits limits;
  limits.patience = use == StoreUse::kRead ? kReadPatience : kWorkPatience;
  return limits;
}

HttpOptions http_options(const Config& config) {
  HttpOptions options;
  options.ca_file = config.s3_ca_file;
  options.connections = static_cast<uint32_t>(config.origin_in_flight);
  return options;
}

size_t core_count() { return std::max(1U, std::thread::hardware_concurrency()); }

}  // namespace

StoreSession::StoreSession(const Config& config, std::unique_ptr<Keyring> keys)
    : tenant_(config.tenant),
      trusted_builders_(config.trusted_builders),
      keys_(std::move(keys)),
      data_keys_(*keys_, steady_clock(), {.age = config.keys_cache_age}),
      io_("store", kIoThreads),
      cpu_("cpu", core_count()),
      sequences_(config.state_dir + "/sequences") {}

Result<std::unique_ptr<StoreSession>> StoreSession::open(const Config& config, StoreUse store_use,
                                                         KeyringUse keyring_use) {
  // From now on keys and plaintext are in this process: no core file, no debugger of the same user.
  ::prctl(PR_SET_DUMPABLE, 0);
  THAW_ASSIGN(std::unique_ptr<Keyring> keyring, open_keyring(config.keys_url, keyring_use));
  std::unique_ptr<StoreSession> session(new StoreSession(config, std::move(keyring)));
  StoreParts parts{
      session->io_, nullptr, nullptr, {config.s3_endpoint, config.s3_region, config.s3_path_style}};
  if (is_s3_url(config.store_url)) {
    session->network_ = std::make_unique<StoreNetwork>(http_options(config));
    parts.http = &session->network_->http();
    session->credentials_ = std::make_unique<AwsCredentialSource>(steady_clock());
    parts.credentials = session->credentials_.get();
  }
  THAW_ASSIGN(session->store_, open_object_store(config.store_url, store_use, parts));
  ObjectStore* catalog_store = session->store_.get();
  if (session->network_) {
    session->retrying_ =
        std::make_unique<RetryingStore>(*catalog_store, session->network_->timers(), retry_limits(store_use));
    catalog_store = session->retrying_.get();
  }
  session->catalog_ = std::make_unique<Catalog>(*catalog_store);
  return session;
}

// The stores must not go before the threads that may still run something of theirs.
StoreSession::~StoreSession() {
  if (network_) network_->stop();
  io_.stop();
}

void StoreSession::set_trusted_builders(std::vector<std::string> keys) {
  const MutexLock lock(mutex_);
  trusted_builders_ = std::move(keys);
}

void StoreSession::set_connections(uint32_t connections) {
  if (network_) network_->http().set_connections(connections);
}

Result<TrustedBuilders> StoreSession::trusted() const {
  std::vector<std::string> configured;
  {
    const MutexLock lock(mutex_);
    configured = trusted_builders_;
  }
  return trusted_builders(configured, *keys_);
}

Result<Names> StoreSession::names(const std::string& tenant) {
  const std::string& owner = tenant.empty() ? tenant_ : tenant;
  THAW_TRY(check_tenant(owner));
  THAW_ASSIGN(TrustedBuilders builders, trusted());
  return Names(*catalog_, owner, std::move(builders), &sequences_);
}

Result<OpenedImage> StoreSession::open_image(const std::string& name, const std::string& tenant,
                                             Rollback rollback) {
  THAW_ASSIGN(const ImageName parsed, ImageName::parse(name));
  return open_with(thaw::open_image, {tenant, parsed, rollback});
}

Result<OpenedImage> StoreSession::open_held(const ImageRequest& request, const HoldManifest& hold) {
  const Open held = [&hold](const ImageReaders& readers, const ImageRequest& owned) {
    return thaw::open_held(readers, owned, hold);
  };
  return open_with(held, request);
}

Result<OpenedImage> StoreSession::open_with(const Open& open, ImageRequest request) {
  if (request.tenant.empty()) request.tenant = tenant_;
  THAW_TRY(check_tenant(request.tenant));
  THAW_ASSIGN(TrustedBuilders builders, trusted());
  auto opened = open({*catalog_, data_keys_, sequences_, std::move(builders)}, request);
  const ImageName& name = request.name;
  if (opened.ok() || opened.error().message.find(name.name) != std::string::npos) return opened;
  return Error{opened.error().code, name.name + ":" + name.tag + ": " + opened.error().message};
}

}  // namespace thaw
