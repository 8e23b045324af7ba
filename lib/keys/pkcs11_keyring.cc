#include "lib/keys/pkcs11_keyring.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "lib/crypto/random.h"
#include "lib/keys/key_id.h"
#include "lib/keys/pkcs11_objects.h"
#include "lib/keys/pkcs11_token.h"

namespace thaw {
namespace {

constexpr std::string_view kTenantLabels = "thaw/tenants/";
constexpr std::string_view kBuilderLabels = "thaw/builder/";
constexpr std::string_view kRetiringNumber = "retiring-";

// "thaw/tenants/acme/2" of "acme/2"; an id that is_tenant_key_id().
std::string label_of(const std::string& key_id) { return std::string(kTenantLabels) + key_id; }

std::string retiring_label_of(const KeyVersion& key) {
  return label_of(key.tenant + "/" + std::string(kRetiringNumber) + std::to_string(key.number));
}

// Which key has this label; nothing for another program's, and for the builders'.
std::optional<KeyVersion> version_of_label(const LabelledKey& key) {
  std::string_view text = key.label;
  if (!text.starts_with(kTenantLabels)) return std::nullopt;
  text.remove_prefix(kTenantLabels.size());
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  KeyVersion version;
  version.tenant = text.substr(0, slash);
  version.created = key.created;
  version.state = KeyState::kOpensOld;
  text.remove_prefix(slash + 1);
  if (text.starts_with(kRetiringNumber)) {
    version.state = KeyState::kRetiring;
    text.remove_prefix(kRetiringNumber.size());
  }
  if (!is_tenant_key_id(version.tenant + "/" + std::string(text))) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), version.number);
  return version;
}

bool same_key(const KeyVersion& a, const KeyVersion& b) {
  return a.tenant == b.tenant && a.number == b.number;
}

// The highest number that is not on its way out is the tenant's newest.
void mark_newest(std::vector<KeyVersion>& sorted) {
  KeyVersion* newest = nullptr;
  for (KeyVersion& key : sorted) {
    if (newest != nullptr && newest->tenant != key.tenant) {
      newest->state = KeyState::kActive;
      newest = nullptr;
    }
    if (key.state == KeyState::kOpensOld) newest = &key;
  }
  if (newest != nullptr) newest->state = KeyState::kActive;
}

std::vector<KeyVersion> versions_among(const std::vector<LabelledKey>& keys) {
  std::vector<KeyVersion> versions;
  for (const LabelledKey& key : keys) {
    if (const auto version = version_of_label(key)) versions.push_back(*version);
  }
  std::ranges::sort(versions, by_tenant_and_number);
  // Two programs made it at once: both open what they wrapped.
  versions.erase(std::unique(versions.begin(), versions.end(), same_key), versions.end());
  mark_newest(versions);
  return versions;
}

// The number n of "thaw/builder/<prefix>n"; 0 for another label.
unsigned builder_number(const std::string& label, std::string_view prefix) {
  std::string_view text = label;
  if (!text.starts_with(kBuilderLabels)) return 0;
  text.remove_prefix(kBuilderLabels.size());
  if (!text.starts_with(prefix)) return 0;
  text.remove_prefix(prefix.size());
  if (!is_tenant_key_id("builder/" + std::string(text))) return 0;
  unsigned number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string_view prefix_of(TokenKeyKind kind) { return kind == TokenKeyKind::kWrapping ? "wrap-" : "sign-"; }

std::string first_builder_label(TokenKeyKind kind) {
  return std::string(kBuilderLabels) + std::string(prefix_of(kind)) + "1";
}

// The builder's newest key of this kind; nothing when there is none.
Result<std::optional<LabelledKey>> newest_builder_key(const Pkcs11Session& session, TokenKeyKind kind) {
  THAW_ASSIGN(const auto keys, all_keys(session, kind));
  std::optional<LabelledKey> newest;
  unsigned highest = 0;
  for (const LabelledKey& key : keys) {
    const unsigned number = builder_number(key.label, prefix_of(kind));
    // Of several the first, which is the same for all.
    if (number <= highest) continue;
    highest = number;
    newest = key;
  }
  return newest;
}

Status make_builder_key_if_missing(const Pkcs11Session& session, TokenKeyKind kind) {
  THAW_ASSIGN(const auto newest, newest_builder_key(session, kind));
  if (newest) return {};
  const std::string first = first_builder_label(kind);
  return kind == TokenKeyKind::kWrapping ? make_wrapping_key(session, first)
                                         : make_signing_pair(session, first);
}

// `work` with the builder's newest key of this kind, which a builder makes when there is none.
template <class Work>
auto with_builder_key(Pkcs11Token& token, TokenKeyKind kind, KeyringUse use, const Work& work)
    -> decltype(work(std::declval<Pkcs11Session&>(), std::declval<const LabelledKey&>())) {
  using Done = decltype(work(std::declval<Pkcs11Session&>(), std::declval<const LabelledKey&>()));
  bool missing = false;
  const auto once = [&](Pkcs11Session& session) -> Done {
    THAW_ASSIGN(const auto newest, newest_builder_key(session, kind));
    missing = !newest;
    if (newest) return work(session, *newest);
    return Error{Code::kRefused, "PKCS#11 token \"" + session.token + "\" has no key \"" +
                                     first_builder_label(kind) +
                                     "\", and a reader makes none; build an image with it"};
  };
  Done done = token.use(once);
  if (!missing || use != KeyringUse::kBuild) return done;
  THAW_TRY(
      token.use_alone([kind](Pkcs11Session& session) { return make_builder_key_if_missing(session, kind); }));
  return token.use(once);
}

Status make_tenant_key_if_missing(const Pkcs11Session& session, const std::string& label) {
  THAW_ASSIGN(const auto keys, keys_named(session, TokenKeyKind::kWrapping, label));
  if (!keys.empty()) return {};
  return make_wrapping_key(session, label);
}

// By whichever key of that label it is authentic under.
Result<Secret> unwrap_labelled(const Pkcs11Session& session, const std::string& label, const char* what,
                               const WrappedKey& wrapped, ByteView context) {
  THAW_ASSIGN(const auto keys, keys_named(session, TokenKeyKind::kWrapping, label));
  if (keys.empty()) {
    THAW_TRY(check_token(session));
    return unknown_key(what, wrapped.key_id);
  }
  for (const LabelledKey& key : keys) {
    auto opened = unwrap_in_token(session, key, wrapped.wrapped, context);
    if (opened.ok() || opened.error().code != Code::kDamaged) return opened;
  }
  return not_authentic(wrapped.key_id);
}

Result<WrappedKey> wrap_labelled(const Pkcs11Session& session, const std::string& key_id,
                                 const Secret& secret, ByteView context) {
  THAW_ASSIGN(const auto keys, keys_named(session, TokenKeyKind::kWrapping, label_of(key_id)));
  if (keys.empty()) return unknown_key("manifest", key_id);
  THAW_ASSIGN(Bytes wrapped, wrap_in_token(session, keys.front(), secret, context));
  return WrappedKey{key_id, std::move(wrapped)};
}

Result<Signed> sign_with(const Pkcs11Session& session, const LabelledKey& key, ByteView message) {
  THAW_ASSIGN(const auto publics, keys_named(session, TokenKeyKind::kVerifying, key.label));
  const auto half = std::ranges::find(publics, key.id, &LabelledKey::id);
  if (half == publics.end()) {
    return Error{Code::kRefused,
                 "PKCS#11 token \"" + session.token + "\" has lost the public half of \"" + key.label + "\""};
  }
  Signed made;
  THAW_ASSIGN(made.signer, public_key_of(session, *half));
  THAW_ASSIGN(made.signature, sign_in_token(session, key, message));
  if (verify_signature(made.signer, message, made.signature)) return made;
  return Error{Code::kFailed, "PKCS#11 token \"" + session.token + "\": the pair \"" + key.label +
                                  "\" makes signatures that do not fit"};
}

std::unique_ptr<Pkcs11Token> builder_token(const Pkcs11Uri& uri) {
  if (uri.builder_token.empty()) return nullptr;
  return std::make_unique<Pkcs11Token>(uri.module_path, uri.builder_token, uri.builder_pin_file);
}

}  // namespace

Pkcs11Keyring::Pkcs11Keyring(const Pkcs11Uri& uri, KeyringUse use)
    : use_(use),
      tenants_(std::make_unique<Pkcs11Token>(uri.module_path, uri.token, uri.pin_file)),
      builders_(builder_token(uri)) {}

Pkcs11Keyring::~Pkcs11Keyring() = default;

Result<Pkcs11Token*> Pkcs11Keyring::builders() const {
  if (builders_) return builders_.get();
  return Error{Code::kRefused,
               "\"keys.url\" names no token with builders' keys; a builder's has &thaw-builder-token=LABEL"
               "&thaw-builder-pin-source=file:/PATH"};
}

Result<std::vector<KeyVersion>> Pkcs11Keyring::list() const {
  return tenants_->use([](Pkcs11Session& session) -> Result<std::vector<KeyVersion>> {
    THAW_ASSIGN(const auto keys, all_keys(session, TokenKeyKind::kWrapping));
    if (keys.empty()) THAW_TRY(check_token(session));
    return versions_among(keys);
  });
}

Result<std::vector<KeyVersion>> Pkcs11Keyring::versions_of(const std::string& tenant) const {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(std::vector<KeyVersion> versions, list());
  std::erase_if(versions, [&tenant](const KeyVersion& key) { return key.tenant != tenant; });
  return versions;
}

// The key that wraps for this tenant; a builder makes number 1 when there is none.
Result<KeyVersion> Pkcs11Keyring::newest_of(const std::string& tenant) const {
  THAW_ASSIGN(const std::vector<KeyVersion> versions, versions_of(tenant));
  const auto newest = std::ranges::find(versions, KeyState::kActive, &KeyVersion::state);
  if (newest != versions.end()) return *newest;
  if (use_ != KeyringUse::kBuild) {
    return Error{Code::kRefused, "PKCS#11 token \"" + tenants_->label() + "\" has no key \"" + tenant +
                                     "/1\", and a reader makes none; run 'thaw keys create'"};
  }
  const std::string label = label_of(tenant + "/1");
  THAW_TRY(tenants_->use_alone(
      [&label](Pkcs11Session& session) { return make_tenant_key_if_missing(session, label); }));
  return KeyVersion{tenant, 1, KeyState::kActive, 0, {}};
}

Status Pkcs11Keyring::create(const std::string& tenant) {
  THAW_ASSIGN(const KeyVersion made, newest_of(tenant));
  (void)made;
  return {};
}

Result<WrappedKey> Pkcs11Keyring::wrap_for(const std::string& tenant, const Secret& secret,
                                           ByteView context) const {
  THAW_ASSIGN(const KeyVersion newest, newest_of(tenant));
  return tenants_->use(
      [&](Pkcs11Session& session) { return wrap_labelled(session, newest.id(), secret, context); });
}

Result<DataKey> Pkcs11Keyring::generate_data_key(const std::string& tenant, ByteView context) {
  DataKey made;
  fill_random(made.plain.mutable_view());
  THAW_ASSIGN(made.wrapped, wrap_for(tenant, made.plain, context));
  return made;
}

Result<Secret> Pkcs11Keyring::unwrap(const WrappedKey& wrapped, ByteView context) {
  if (!is_tenant_key_id(wrapped.key_id)) return unknown_key("manifest", wrapped.key_id);
  return tenants_->use([&](Pkcs11Session& session) {
    return unwrap_labelled(session, label_of(wrapped.key_id), "manifest", wrapped, context);
  });
}

Result<WrappedKey> Pkcs11Keyring::rewrap(const WrappedKey& wrapped, const std::string& tenant,
                                         ByteView context) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(const Secret plain, unwrap(wrapped, context));
  return wrap_for(tenant, plain, context);
}

Result<KeyVersion> Pkcs11Keyring::make_next(const std::string& tenant) {
  THAW_ASSIGN(const std::vector<KeyVersion> versions, versions_of(tenant));
  const auto newest = std::ranges::find(versions, KeyState::kActive, &KeyVersion::state);
  if (newest == versions.end()) return no_key_yet(tenant);
  const KeyVersion next{tenant, newest->number + 1, KeyState::kActive, 0, {}};
  const std::string label = label_of(next.id());
  return tenants_->use_alone([&](Pkcs11Session& session) -> Result<KeyVersion> {
    THAW_TRY(make_wrapping_key(session, label));
    THAW_ASSIGN(const auto made, keys_named(session, TokenKeyKind::kWrapping, label));
    KeyVersion version = next;
    version.created = made.empty() ? 0 : made.front().created;
    return version;
  });
}

Status Pkcs11Keyring::change(const std::string& key_id, KeyState state) {
  if (!is_tenant_key_id(key_id)) return no_such_key(key_id);
  THAW_ASSIGN(const std::vector<KeyVersion> versions, versions_of(key_id.substr(0, key_id.find('/'))));
  const auto found = std::ranges::find(versions, key_id, &KeyVersion::id);
  if (found == versions.end()) return no_such_key(key_id);
  if (found->state == KeyState::kActive) return still_wraps(*found);
  const std::string open = label_of(key_id);
  const std::string retiring = retiring_label_of(*found);
  return tenants_->use_alone([&](Pkcs11Session& session) -> Status {
    for (const std::string& label : {open, retiring}) {
      THAW_ASSIGN(const auto keys, keys_named(session, TokenKeyKind::kWrapping, label));
      for (const LabelledKey& key : keys) {
        THAW_TRY(state == KeyState::kRetired
                     ? destroy_key(session, key)
                     : rename_key(session, key, state == KeyState::kRetiring ? retiring : open));
      }
    }
    return {};
  });
}

Result<WrappedKey> Pkcs11Keyring::wrap_salt(const Secret& salt, ByteView context) {
  THAW_ASSIGN(Pkcs11Token* const token, builders());
  const auto wrap = [&](Pkcs11Session& session, const LabelledKey& key) -> Result<WrappedKey> {
    THAW_ASSIGN(Bytes wrapped, wrap_in_token(session, key, salt, context));
    return WrappedKey{"builder/wrap-" + std::to_string(builder_number(key.label, "wrap-")),
                      std::move(wrapped)};
  };
  return with_builder_key(*token, TokenKeyKind::kWrapping, use_, wrap);
}

Result<Secret> Pkcs11Keyring::unwrap_salt(const WrappedKey& wrapped, ByteView context) {
  if (!is_builder_key_id(wrapped.key_id)) return unknown_key("salt", wrapped.key_id);
  THAW_ASSIGN(Pkcs11Token* const token, builders());
  return token->use([&](Pkcs11Session& session) {
    return unwrap_labelled(session, "thaw/" + wrapped.key_id, "salt", wrapped, context);
  });
}

Status Pkcs11Keyring::prepare_builder() {
  THAW_ASSIGN(Pkcs11Token* const token, builders());
  return with_builder_key(*token, TokenKeyKind::kSigning, use_,
                          [](Pkcs11Session&, const LabelledKey&) { return Status(); });
}

Result<Signed> Pkcs11Keyring::sign_message(ByteView message) {
  THAW_ASSIGN(Pkcs11Token* const token, builders());
  return with_builder_key(
      *token, TokenKeyKind::kSigning, use_,
      [message](Pkcs11Session& session, const LabelledKey& key) { return sign_with(session, key, message); });
}

Result<TrustedBuilders> Pkcs11Keyring::trusted() const {
  if (!builders_) return TrustedBuilders();
  return builders_->use([](Pkcs11Session& session) -> Result<TrustedBuilders> {
    TrustedBuilders builders;
    THAW_ASSIGN(const auto keys, all_keys(session, TokenKeyKind::kVerifying));
    for (const LabelledKey& key : keys) {
      if (builder_number(key.label, "sign-") == 0) continue;
      THAW_ASSIGN(const PublicKey builder, public_key_of(session, key));
      builders.insert(builder);
    }
    return builders;
  });
}

}  // namespace thaw
