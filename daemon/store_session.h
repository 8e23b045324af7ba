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
#include "lib/keys/keyring_directory.h"
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
  KeyringDirectory& keys() { return keys_; }
  // Runs CPU work: as many threads as the machine has cores.
  Executor& cpu() { return cpu_; }

  Result<TrustedBuilders> trusted() const;
  Result<Names> names(const std::string& tenant);
  // The image with its keys. `tenant` is empty for the configured one.
  Result<OpenedImage> open_image(const std::string& name, const std::string& tenant, Rollback rollback);

 private:
  StoreSession(const Config& config, KeyringDirectory keys);

  const Config config_;
  KeyringDirectory keys_;
  WorkerPool io_;
  WorkerPool cpu_;
  SequenceMemory sequences_;
  std::unique_ptr<StoreNetwork> network_;  // of S3
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<ObjectStore> retrying_;
  std::unique_ptr<Catalog> catalog_;
};

}  // namespace thaw
