// KmsKeys: the tenants' keys among all keys of an account at AWS KMS, by their aliases:
//   alias/PREFIX/TENANT/N
// The highest number is the tenant's newest. Making, listing and ending them; what they are used for is
// AwsKmsKeyring's.
//
// Any thread may call; calls block. What is newest is remembered for KmsLimits::fresh.
//
// Internal to lib/keys.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/keys/key_service.h"
#include "lib/keys/kms_client.h"

namespace thaw {

struct KmsKeyVersion {
  KeyVersion version;
  std::string key;  // KMS's own id of it
};

class KmsKeys {
 public:
  KmsKeys(KmsClient& client, const KmsPlace& place, const KmsLimits& limits)
      : client_(client), prefix_("alias/" + place.prefix + "/"), fresh_(limits.fresh) {}

  // REQUIRES: is_tenant_key_id(key_id)
  std::string alias_of(const std::string& key_id) const { return prefix_ + key_id; }

  // The number of the tenant's newest key; nothing when he has none. Perhaps as it was a while ago.
  Result<std::optional<unsigned>> newest_number(const std::string& tenant) EXCLUDES(mutex_);
  void forget_newest() EXCLUDES(mutex_);

  // Without those that are going to be deleted; by tenant and number. All of them, or one tenant's.
  Result<std::vector<KmsKeyVersion>> list() EXCLUDES(mutex_);
  Result<std::vector<KmsKeyVersion>> list_of(const std::string& tenant) EXCLUDES(mutex_);

  // One that exists already, perhaps made by somebody else just now, will do.
  Status make(const KeyVersion& version) EXCLUDES(mutex_);

  Status change(const KmsKeyVersion& key, KeyState state);

 private:
  Result<std::vector<KmsKeyVersion>> all_aliases() EXCLUDES(mutex_);
  Result<KeyState> state_of(const KmsKeyVersion& key);
  Status find_states(std::vector<KmsKeyVersion>& versions);
  Status give_alias(const std::string& alias, const std::string& key);
  void remember(const std::vector<KmsKeyVersion>& versions) EXCLUDES(mutex_);
  // The body of an answer that has to be kDone.
  Result<KmsAnswer> must(const std::string& operation, const std::string& what, Result<KmsAnswer> answer);

  KmsClient& client_;
  const std::string prefix_;
  const Duration fresh_;

  Mutex mutex_;
  std::map<std::string, unsigned> newest_ GUARDED_BY(mutex_);
  TimePoint believed_until_ GUARDED_BY(mutex_){};
};

}  // namespace thaw
