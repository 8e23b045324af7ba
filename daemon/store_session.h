// StoreSession: a store opened with this configuration: its objects, its catalog, the keyring, the builders
// that this machine trusts, and the threads that do the work.
//
// Owned by the command or the worker. Any thread but its own may call; calls block.
#pragma once

#include <memory>
#include <string>

#include "daemon/config/config.h"
#include "daemon/processes/worker_pool.h"
#include "daemon/store_network.h"
#include "lib/base/mutex.h"
#include "lib/keys/data_key_cache.h"
#include "lib/keys/keyring.h"
#include "lib/store/catalog.h"
#include "lib/store/names.h"
#include "lib/store/open_image.h"
#include "lib/store/open_store.h"

namespace thaw {

class StoreSession {
 public:
  // `store_use` and `keyring_use`: whether what is missing is made.
  static Result<std::unique_ptr<StoreSession>> open(const Config& config, StoreUse store_use,
                                                    KeyringUse keyring_use);
  // REQUIRES: no operation of the store is open
  ~StoreSession();

  // The store as it is: for who retries by himself.
  ObjectStore& store() { return *store_; }
  // Its objects are retried over transport trouble, for a bounded time.
  Catalog& catalog() { return *catalog_; }
  Keyring& keys() { return *keys_; }
  // Takes other credentials, if there are any: true then. Requests that are under way keep theirs.
  bool refresh_credentials() { return credentials_ && credentials_->refresh(); }
  // Whose images are mounted from now on (`trust.builders`).
  void set_trusted_builders(std::vector<std::string> keys) EXCLUDES(mutex_);
  // Connections to a store on the network, from now on.
  void set_connections(uint32_t connections);

  // Runs CPU work: as many threads as the machine has cores.
  Executor& cpu() { return cpu_; }

  Result<TrustedBuilders> trusted() const EXCLUDES(mutex_);
  Result<Names> names(const std::string& tenant);
  SequenceMemory& sequences() { return sequences_; }
  // The image with its keys. `tenant` is empty for the configured one.
  Result<OpenedImage> open_image(const std::string& name, const std::string& tenant, Rollback rollback);
  // The same for who goes on reading it; see thaw::open_held().
  Result<OpenedImage> open_held(const ImageRequest& request, const HoldManifest& hold);

 private:
  StoreSession(const Config& config, std::unique_ptr<Keyring> keys);
  using Open = std::function<Result<OpenedImage>(const ImageReaders&, const ImageRequest&)>;
  Result<OpenedImage> open_with(const Open& open, ImageRequest request);

  const std::string tenant_;  // the configured one
  mutable Mutex mutex_;
  std::vector<std::string> trusted_builders_ GUARDED_BY(mutex_);
  const std::unique_ptr<Keyring> keys_;
  DataKeyCache data_keys_;                            // of images that were opened
  std::unique_ptr<AwsCredentialSource> credentials_;  // of S3; outlives what io_ still does for it
  WorkerPool io_;
  WorkerPool cpu_;
  SequenceMemory sequences_;
  std::unique_ptr<StoreNetwork> network_;  // of S3
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<ObjectStore> retrying_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace thaw
