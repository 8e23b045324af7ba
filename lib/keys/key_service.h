// KeyService: makes and unwraps data keys under a tenant's key. KeyVersions: the keys themselves, for who
// manages them. BuilderKeys: what only a builder has, the key that wraps salts (another namespace: a worker
// cannot use it) and the key that signs.
//
// Calls may block; never call them on a FUSE reader or an io loop. `context` is authenticated and must be the
// same at unwrapping. Errors: kRefused (a key that is not known or may not be used), kUnreachable (the
// service does not answer), kDamaged (wrapped bytes that are not authentic under this key and context).
#pragma once

#include <set>
#include <string>
#include <vector>

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
  // The same data key, wrapped by the newest key of `tenant`.
  virtual Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant,
                                    ByteView context) = 0;
};

enum class KeyState : uint8_t {
  kActive,    // the tenant's newest: wraps new data keys
  kOpensOld,  // unwraps what it wrapped
  kRetiring,  // does nothing, and can be made to open again
  kRetired,   // gone for good
};

std::string_view key_state_name(KeyState state);

struct KeyVersion {
  std::string tenant;
  unsigned number = 0;  // counts from 1; never given twice
  KeyState state = KeyState::kActive;
  uint64_t created = 0;  // seconds since 1970, for people
  std::string problem;   // why it cannot be used, with the remedy; empty where nothing is known

  std::string id() const { return tenant + "/" + std::to_string(number); }
};

// Whether `key_id` is spelled as a key of that tenant. Key ids come from the store and are not trusted.
bool is_key_of(std::string_view key_id, std::string_view tenant);

class KeyVersions {
 public:
  virtual ~KeyVersions() = default;
  // Without retired ones; by tenant, then ascending by number.
  virtual Result<std::vector<KeyVersion>> list() const = 0;
  // The tenant's next key, which wraps from now on. kNotFound for a tenant that has none yet.
  virtual Result<KeyVersion> make_next(const std::string& tenant) = 0;
  // To any state but kActive. Being in it already is no error. kNotFound for an unknown key, kRefused for the
  // newest of a tenant.
  virtual Status change(const std::string& key_id, KeyState state) = 0;
};

struct Signed {
  PublicKey signer{};
  Signature signature{};
};

// A message that says nothing, for who wants to know which key signs.
inline constexpr std::string_view kWhichKey = "thaw: which key signs";

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
