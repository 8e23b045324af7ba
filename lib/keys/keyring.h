// Keyring: the embedded key service, a directory of key files for one machine (docs/formats/keyring.md).
// Whoever can read it can open every image; files are 0600 and written atomically.
#pragma once

#include <string>
#include <vector>

#include "lib/keys/key_service.h"

namespace thaw {

class Keyring final : public KeyService, public BuilderKeys {
 public:
  // `url` is file:///DIR. Nothing is touched until the first call; what a builder lacks is made then.
  static Result<Keyring> open(const std::string& url);

  Result<DataKey> new_data_key(const std::string& tenant, ByteView context) override;
  Result<Secret> unwrap(const std::string& tenant, const WrappedKey& key, ByteView context) override;
  Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) override;
  Result<Secret> unwrap_salt(const WrappedKey& key, ByteView context) override;
  Result<SigningKey> signing_key() override;

  struct TenantKey {
    std::string id;  // "acme/1"
    std::string tenant;
    bool created = false;  // by this very call
  };
  // One that exists is no error.
  Result<TenantKey> create(const std::string& tenant);
  Result<std::vector<TenantKey>> list() const;

  // The public keys of the builders that this machine trusts.
  Result<std::vector<PublicKey>> trusted_builders() const;

 private:
  explicit Keyring(std::string folder) : folder_(std::move(folder)) {}

  std::string folder_;
};

}  // namespace thaw
