// KmsKeyring: tenants' keys in the AWS Key Management Service (docs/formats/aws-kms.md), which they never
// leave: data keys are made and unwrapped there, and rewrapped without coming out. Builders' keys, which KMS
// has no use for, stay in a keyring directory on builders; a worker's configuration names none.
//
// Any thread may call anything; calls block on the network, for a bounded time. Nothing is done before the
// first call: a service that is away is kUnreachable then, and asked again by the next.
//
// Not tried against the real service.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/keys/keyring.h"
#include "lib/keys/kms_client.h"

namespace thaw {

class KeyringDirectory;
class KmsKeys;

class KmsKeyring final : public Keyring {
 public:
  // Reads credentials. Throws std::runtime_error when libcurl cannot start.
  KmsKeyring(const KmsPlace& place, KeyringUse use, const KmsLimits& limits = {});
  ~KmsKeyring() override;

  Result<DataKey> generate_data_key(const std::string& tenant, ByteView context) override;
  Result<Secret> unwrap(const WrappedKey& wrapped, ByteView context) override;
  Result<WrappedKey> rewrap(const WrappedKey& wrapped, const std::string& tenant, ByteView context) override;

  Result<std::vector<KeyVersion>> list() const override;
  Result<KeyVersion> make_next(const std::string& tenant) override;
  // To kRetiring: KMS disables the key. To kRetired: KMS will delete it in 30 days, and until then a person
  // can bring it back.
  Status change(const std::string& key_id, KeyState state) override;

  Result<WrappedKey> wrap_salt(const Secret& salt, ByteView context) override;
  Result<Secret> unwrap_salt(const WrappedKey& wrapped, ByteView context) override;
  Result<Signed> sign_message(ByteView message) override;

  Status prepare_builder() override;
  Status create(const std::string& tenant) override;
  // For who has the builders' keys: those that their folder trusts. Else none: name them in `trust.builders`.
  Result<TrustedBuilders> trusted() const override;

 private:
  struct Wrapping;
  using Request = std::function<std::string(const std::string& alias)>;

  Result<unsigned> newest_of(const std::string& tenant);
  Result<Wrapping> wrap_by_newest(const std::string& tenant, const std::string& operation,
                                  const Request& request);
  Error refusal(const std::string& key_id, const KmsAnswer& answer) const;
  Result<KeyringDirectory*> builders() const;

  const KeyringUse use_;
  const std::unique_ptr<KmsClient> client_;
  const std::unique_ptr<KmsKeys> keys_;
  const std::unique_ptr<KeyringDirectory> builders_;  // none for a worker
};

}  // namespace thaw
