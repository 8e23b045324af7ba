#include "lib/keys/kms_keyring.h"

#include <algorithm>
#include <utility>

#include "lib/keys/key_id.h"
#include "lib/keys/keyring_directory.h"
#include "lib/keys/kms_documents.h"
#include "lib/keys/kms_keys.h"

namespace thaw {
namespace {

std::unique_ptr<KeyringDirectory> builder_directory(const KmsPlace& place, KeyringUse use) {
  if (place.builder_folder.empty()) return nullptr;
  return std::make_unique<KeyringDirectory>(place.builder_folder, use);
}

std::string id_of(const std::string& tenant, unsigned number) {
  return KeyVersion{tenant, number, KeyState::kActive, 0, {}}.id();
}

// Somebody has taken it away since it was the newest.
bool is_gone(KmsOutcome outcome) {
  return outcome == KmsOutcome::kNoSuchKey || outcome == KmsOutcome::kNotUsable;
}

}  // namespace

struct KmsKeyring::Wrapping {
  std::string key_id;
  KmsAnswer answer;
};

KmsKeyring::KmsKeyring(const KmsPlace& place, KeyringUse use, const KmsLimits& limits)
    : use_(use),
      client_(std::make_unique<KmsClient>(place, limits)),
      keys_(std::make_unique<KmsKeys>(*client_, place, limits)),
      builders_(builder_directory(place, use)) {}

KmsKeyring::~KmsKeyring() = default;

// The number of the key that wraps for this tenant; a builder makes number 1 when there is none.
Result<unsigned> KmsKeyring::newest_of(const std::string& tenant) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(const std::optional<unsigned> number, keys_->newest_number(tenant));
  if (number) return *number;
  if (use_ != KeyringUse::kBuild) {
    return Error{Code::kRefused, client_->who() + " has no key \"" + keys_->alias_of(tenant + "/1") +
                                     "\", and a reader makes none; run 'thaw keys create'"};
  }
  THAW_TRY(keys_->make({tenant, 1, KeyState::kActive, 0, {}}));
  return 1U;
}

// What was the newest a while ago may be gone; then the one that is newest now wraps.
Result<KmsKeyring::Wrapping> KmsKeyring::wrap_by_newest(const std::string& tenant,
                                                        const std::string& operation,
                                                        const Request& request) {
  THAW_ASSIGN(unsigned number, newest_of(tenant));
  THAW_ASSIGN(KmsAnswer answer, client_->call(operation, request(keys_->alias_of(id_of(tenant, number)))));
  if (is_gone(answer.outcome)) {
    keys_->forget_newest();
    const unsigned before = number;
    THAW_ASSIGN(number, newest_of(tenant));
    if (number != before) {
      THAW_ASSIGN(answer, client_->call(operation, request(keys_->alias_of(id_of(tenant, number)))));
    }
  }
  return Wrapping{id_of(tenant, number), std::move(answer)};
}

// What an answer other than kDone means for a wrapped key.
Error KmsKeyring::refusal(const std::string& key_id, const KmsAnswer& answer) const {
  if (answer.outcome == KmsOutcome::kNotAuthentic) return not_authentic(key_id);
  if (answer.outcome == KmsOutcome::kNoSuchKey) return unknown_key("manifest", key_id);
  return {Code::kRefused, client_->who() + " does not use key \"" + keys_->alias_of(key_id) + "\" (" +
                              answer.said + "); enable it there, or cancel its deletion, if it shall open"};
}

Result<DataKey> KmsKeyring::generate_data_key(const std::string& tenant, ByteView context) {
  THAW_ASSIGN(Wrapping made, wrap_by_newest(tenant, "GenerateDataKey", [context](const std::string& alias) {
                return generate_data_key_request(alias, context);
              }));
  if (made.answer.outcome != KmsOutcome::kDone) return refusal(made.key_id, made.answer);
  const auto plain = take_plaintext(made.answer.body());
  const auto wrapped = ciphertext_of(made.answer.text());
  if (!plain || !wrapped)
    return Error{Code::kFailed, client_->who() + " answers GenerateDataKey with no key"};
  return DataKey{*plain, {made.key_id, *wrapped}};
}

Result<Secret> KmsKeyring::unwrap(const WrappedKey& wrapped, ByteView context) {
  if (!is_tenant_key_id(wrapped.key_id)) return unknown_key("manifest", wrapped.key_id);
  if (wrapped.wrapped.empty()) return not_authentic(wrapped.key_id);
  const std::string alias = keys_->alias_of(wrapped.key_id);
  THAW_ASSIGN(KmsAnswer answer, client_->call("Decrypt", decrypt_request(alias, wrapped.wrapped, context)));
  if (answer.outcome != KmsOutcome::kDone) return refusal(wrapped.key_id, answer);
  const auto plain = take_plaintext(answer.body());
  // Authentic, but nothing of Thaw's.
  if (!plain) return not_authentic(wrapped.key_id);
  return *plain;
}

Result<WrappedKey> KmsKeyring::rewrap(const WrappedKey& wrapped, const std::string& tenant,
                                      ByteView context) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  if (!is_tenant_key_id(wrapped.key_id)) return unknown_key("manifest", wrapped.key_id);
  if (wrapped.wrapped.empty()) return not_authentic(wrapped.key_id);
  const std::string from = keys_->alias_of(wrapped.key_id);
  THAW_ASSIGN(const Wrapping made, wrap_by_newest(tenant, "ReEncrypt", [&](const std::string& to) {
                return re_encrypt_request(from, to, wrapped.wrapped, context);
              }));
  // Either of the two keys; KMS's own words tell which.
  if (made.answer.outcome != KmsOutcome::kDone) return refusal(wrapped.key_id, made.answer);
  const auto again = ciphertext_of(made.answer.text());
  if (!again) return Error{Code::kFailed, client_->who() + " answers ReEncrypt with no key"};
  return WrappedKey{made.key_id, *again};
}

Result<std::vector<KeyVersion>> KmsKeyring::list() const {
  THAW_ASSIGN(const std::vector<KmsKeyVersion> keys, keys_->list());
  std::vector<KeyVersion> versions;
  for (const KmsKeyVersion& key : keys) versions.push_back(key.version);
  return versions;
}

Result<KeyVersion> KmsKeyring::make_next(const std::string& tenant) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  keys_->forget_newest();
  THAW_ASSIGN(const std::optional<unsigned> newest, keys_->newest_number(tenant));
  if (!newest) return no_key_yet(tenant);
  const KeyVersion next{tenant, *newest + 1, KeyState::kActive, 0, {}};
  THAW_TRY(keys_->make(next));
  THAW_ASSIGN(const std::vector<KmsKeyVersion> keys, keys_->list_of(tenant));
  for (const KmsKeyVersion& key : keys) {
    if (key.version.number == next.number) return key.version;
  }
  // A list that lags behind.
  return next;
}

Status KmsKeyring::change(const std::string& key_id, KeyState state) {
  if (!is_tenant_key_id(key_id)) return no_such_key(key_id);
  THAW_ASSIGN(const std::vector<KmsKeyVersion> keys, keys_->list_of(key_id.substr(0, key_id.find('/'))));
  const auto found =
      std::ranges::find(keys, key_id, [](const KmsKeyVersion& key) { return key.version.id(); });
  if (found == keys.end()) return no_such_key(key_id);
  if (found->version.state == KeyState::kActive) return still_wraps(found->version);
  return keys_->change(*found, state);
}

Status KmsKeyring::create(const std::string& tenant) {
  THAW_ASSIGN(const unsigned number, newest_of(tenant));
  (void)number;
  return {};
}

Result<KeyringDirectory*> KmsKeyring::builders() const {
  if (builders_) return builders_.get();
  return Error{Code::kRefused,
               "\"keys.url\" names no folder with builders' keys; a builder's has &builder-keys=file:///DIR"};
}

Result<WrappedKey> KmsKeyring::wrap_salt(const Secret& salt, ByteView context) {
  THAW_ASSIGN(KeyringDirectory* const folder, builders());
  return folder->wrap_salt(salt, context);
}

Result<Secret> KmsKeyring::unwrap_salt(const WrappedKey& wrapped, ByteView context) {
  if (!is_builder_key_id(wrapped.key_id)) return unknown_key("salt", wrapped.key_id);
  THAW_ASSIGN(KeyringDirectory* const folder, builders());
  return folder->unwrap_salt(wrapped, context);
}

Result<Signed> KmsKeyring::sign_message(ByteView message) {
  THAW_ASSIGN(KeyringDirectory* const folder, builders());
  return folder->sign_message(message);
}

Status KmsKeyring::prepare_builder() {
  THAW_ASSIGN(KeyringDirectory* const folder, builders());
  return folder->prepare_builder();
}

Result<TrustedBuilders> KmsKeyring::trusted() const {
  if (!builders_) return TrustedBuilders();
  return builders_->trusted();
}

}  // namespace thaw
