// Keyring: all that a configured key service offers, and open_keyring(), which finds the one that `keys.url`
// names: file:///DIR (KeyringDirectory), pkcs11:… (Pkcs11Keyring) or aws-kms:… (KmsKeyring).
#pragma once

#include <memory>
#include <string>

#include "lib/keys/key_service.h"

namespace thaw {

enum class KeyringUse : uint8_t {
  kRead,   // a worker: uses the keys that are there, never makes one
  kBuild,  // a builder: makes what is missing
};

// The first keys, and whose signatures they make acceptable.
class KeySetup {
 public:
  virtual ~KeySetup() = default;
  // Makes the builder's signing key when there is none, as the first signature would.
  virtual Status prepare_builder() = 0;
  // Makes the tenant's first key; one that exists is no error.
  virtual Status create(const std::string& tenant) = 0;
  // The builders that are trusted where the configuration names none.
  virtual Result<TrustedBuilders> trusted() const = 0;
};

// Any thread may call anything. One that is away is asked again with the next call: a program outlives that.
class Keyring : public KeyService, public KeyVersions, public BuilderKeys, public KeySetup {};

// kUsage for a URL of another kind. Says nothing about the service being there. Never repeats a PIN.
Status check_keys_url(const std::string& url);

// Touches nothing yet: a service that is away is no reason not to start.
Result<std::unique_ptr<Keyring>> open_keyring(const std::string& url, KeyringUse use);

}  // namespace thaw
