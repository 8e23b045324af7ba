// KeyService: makes and unwraps data keys under a tenant's key. BuilderKeys: what only a builder has, the key
// that wraps salts (another namespace: a worker cannot use it) and the key that signs.
//
// Calls may block; never call them on a FUSE reader or an io loop. `context` is authenticated and must be the
// same at unwrapping. Errors: kRefused (a key that is not known or may not be used), kUnreachable (the
// service does not answer), kDamaged (wrapped bytes that are not authentic under this key and context).
#pragma once

#include <set>
#include <string>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/crypto/secret.h"
#include "lib/crypto/signature.h"

namespace thaw {

inline constexpr size_t kMaxKeyIdBytes = 256;
inline constexpr size_t kMaxWrappedBytes = 4096;

struct WrappedKey {
  std::string key_id;  // "acme/2": who wrapped it
  Bytes wrapped;
};

struct DataKey {
  Secret plain;
  WrappedKey wrapped;
};

class KeyService {
 public:
  virtual ~KeyService() = default;
  // A fresh key for one message, wrapped by the newest key of `tenant`.
  virtual Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) = 0;
  virtual Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) = 0;
};

struct Signed {
  PublicKey signer{};
  Signature signature{};
};

class BuilderKeys {
 public:
  virtual ~BuilderKeys() = default;
  virtual Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) = 0;
  virtual Result<Secret> unwrap_salt(const WrappedKey& wrapped, ByteView context) = 0;
  virtual Result<Signed> sign_message(ByteView message) = 0;
};

// The builders whose signatures a worker or client accepts.
using TrustedBuilders = std::set<PublicKey>;

}  // namespace thaw
