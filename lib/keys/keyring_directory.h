// KeyringDirectory: the embedded key service, a folder of key files (docs/formats/keyring.md):
//   tenants/<tenant>/<n>   wraps the data keys of that tenant's manifests; retiring-<n> on its way out
//   builder/wrap-<n>       wraps salts; workers have no use for it
//   builder/sign-<n>       Ed25519 seed
//   trusted/<any name>     a public key whose signatures are accepted
// It is for one machine: who reads the folder can open every image. Files are 0600, folders 0700; a key file
// that others may read is kRefused. A key is made once, atomically, and never changed; a new one gets the
// next number, and old ones stay to unwrap what they wrapped.
//
// Constant after construction; nothing is cached, so any thread may call anything. Calls block on the disk.
#pragma once

#include <string>
#include <vector>

#include "lib/keys/keyring.h"

namespace thaw {

class KeyringDirectory final : public Keyring {
 public:
  // `path` is absolute. Touches nothing yet.
  KeyringDirectory(std::string path, KeyringUse use) : path_(std::move(path)), use_(use) {}

  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override;
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override;
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override;

  Result<std::vector<KeyVersion>> list() const override;
  Result<KeyVersion> make_next(const std::string& tenant) override;
  Status change(const std::string& key_id, KeyState state) override;

  Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) override;
  Result<Secret> unwrap_salt(const WrappedKey& wrapped, ByteView context) override;
  Result<Signed> sign_message(ByteView message) override;

  // Making the builder's first signing key trusts it, in trusted/.
  Status prepare_builder() override;
  Status create(const std::string& tenant) override;
  Result<TrustedBuilders> trusted() const override;

 private:
  struct Numbered;
  Result<Numbered> newest(const std::string& folder, const std::string& prefix) const;
  Result<Secret> unwrap_by(const std::string& file, const std::string& what, const WrappedKey& wrapped,
                           ByteView context) const;
  Result<std::vector<KeyVersion>> versions_of(const std::string& tenant) const;
  Status make_first_signing_key() const;

  const std::string path_;
  const KeyringUse use_;
};

}  // namespace thaw
