// Key services: who wraps the data keys of manifests (a tenant's key) and the salts (a builder's key).
//
// Calls may block (a key service can be remote): control threads and builders only. Any thread;
// implementations lock.
#pragma once

#include <string>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/signature.h"

namespace thaw {

struct WrappedKey {
  std::string key_id;  // which key wrapped it: "acme/2"
  Bytes wrapped;
};

struct DataKey {
  Secret plain;
  WrappedKey wrapped;
};

// The tenants' keys. `context` is authenticated with the key: unwrapping needs the same bytes.
class KeyService {
 public:
  virtual ~KeyService() = default;
  // A fresh data key under the tenant's newest key; makes the tenant's first key when it has none.
  virtual Result<DataKey> new_data_key(const std::string& tenant, ByteView context) = 0;
  // kRefused when the service does not know the key, or key and context do not fit.
  virtual Result<Secret> unwrap(const std::string& tenant, const WrappedKey& key, ByteView context) = 0;
};

// What only builders have: another namespace of keys, for salts, and the key that they sign with.
class BuilderKeys {
 public:
  virtual ~BuilderKeys() = default;
  virtual Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) = 0;
  virtual Result<Secret> unwrap_salt(const WrappedKey& key, ByteView context) = 0;
  virtual Result<SigningKey> signing_key() = 0;
};

}  // namespace thaw
