// Pkcs11Keyring: keys in the tokens of a hardware security module (docs/formats/pkcs11.md). Two tokens, each
// with a PIN of its own: the tenants' keys, and the builders' keys, which a worker's configuration does not
// name. Keys are made in their token, sensitive and not extractable; only 32-byte data keys and salts pass
// through this process.
//
// Any thread may call anything; calls block on the module. Nothing is done before the first call: what is
// away is kUnreachable then, and asked again by the next. A wrong PIN is kRefused and not tried twice.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/keys/keyring.h"
#include "lib/keys/pkcs11_uri.h"

namespace thaw {

class Pkcs11Token;

class Pkcs11Keyring final : public Keyring {
 public:
  Pkcs11Keyring(const Pkcs11Uri& uri, KeyringUse use);
  ~Pkcs11Keyring() override;

  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override;
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override;
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override;

  Result<std::vector<KeyVersion>> list() const override;
  Result<KeyVersion> make_next(const std::string& tenant) override;
  Status change(const std::string& key_id, KeyState state) override;

  Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) override;
  Result<Secret> unwrap_salt(const WrappedKey& wrapped, ByteView context) override;
  Result<Signed> sign_message(ByteView message) override;

  Status prepare_builder() override;
  Status create(const std::string& tenant) override;
  // For who has the builders' token: those whose pairs are in it. Else none: name them in `trust.builders`.
  Result<TrustedBuilders> trusted() const override;

 private:
  Result<std::vector<KeyVersion>> versions_of(const std::string& tenant) const;
  Result<KeyVersion> newest_of(const std::string& tenant) const;
  Result<WrappedKey> wrap_for(const std::string& tenant, const Secret& secret, ByteView context) const;
  Result<Pkcs11Token*> builders() const;

  const KeyringUse use_;
  const std::unique_ptr<Pkcs11Token> tenants_;
  const std::unique_ptr<Pkcs11Token> builders_;  // none for a worker
};

}  // namespace thaw
