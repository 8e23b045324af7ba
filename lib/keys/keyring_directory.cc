#include "lib/keys/keyring_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "lib/base/file.h"
#include "lib/base/hex.h"
#include "lib/crypto/aead.h"
#include "lib/crypto/random.h"
#include "lib/keys/key_file.h"
#include "lib/keys/key_id.h"

namespace thaw {
namespace {

constexpr size_t kWrappedBytes = kGcmNonceBytes + kKeyBytes + kGcmTagBytes;

// nonce (12, random) ‖ AES-256-GCM(key, nonce, context, secret) with its tag. Random nonces are sound for
// 2^32 wrappings under one key (NIST SP 800-38D, 8.3); a keyring is rotated long before.
Bytes wrap_with(const Secret& key, const Secret& secret, ByteView context) {
  Bytes wrapped(kWrappedBytes);
  const MutableBytes nonce = MutableBytes(wrapped).first(kGcmNonceBytes);
  fill_random(nonce);
  const Bytes sealed = gcm_seal(key, nonce, context, secret.view());
  std::memcpy(wrapped.data() + kGcmNonceBytes, sealed.data(), wrapped.size() - kGcmNonceBytes);
  return wrapped;
}

Result<Secret> unwrap_with(const Secret& key, const WrappedKey& wrapped, ByteView context) {
  Secret secret;
  const ByteView bytes(wrapped.wrapped);
  if (bytes.size() != kWrappedBytes || !gcm_open(key, bytes.first(kGcmNonceBytes), context,
                                                 bytes.subspan(kGcmNonceBytes), secret.mutable_view())
                                            .ok()) {
    return not_authentic(wrapped.key_id);
  }
  return secret;
}

// A retiring key is only found under its other name, so that nothing opens with it.
constexpr std::string_view kRetiringPrefix = "retiring-";

uint64_t made_at(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_mtim.tv_sec) : 0;
}

KeyVersion version_in(const std::string& path, const std::string& tenant, unsigned number, KeyState state) {
  const Result<Secret> key = read_secret_file(path);
  return {tenant, number, state, made_at(path), key.ok() ? "" : key.error().message};
}

}  // namespace

struct KeyringDirectory::Numbered {
  unsigned number = 0;
  Secret key;
};

// The key with the highest number; a builder makes number 1 when there is none.
Result<KeyringDirectory::Numbered> KeyringDirectory::newest(const std::string& folder,
                                                            const std::string& prefix) const {
  const std::string place = path_ + "/" + folder;
  THAW_ASSIGN(std::vector<unsigned> numbers, numbered_files(place, prefix));
  if (numbers.empty()) {
    if (use_ != KeyringUse::kBuild) {
      return Error{Code::kRefused, "the keyring " + path_ + " has no key \"" + folder + "/" + prefix +
                                       "1\", and a reader makes none; run 'thaw keys create'"};
    }
    Secret fresh;
    fill_random(fresh.mutable_view());
    THAW_TRY(make_secret_file(place + "/" + prefix + "1", fresh));
    numbers.push_back(1);
  }
  // Read back even when just made: another process may have been first.
  THAW_ASSIGN(Secret key, read_secret_file(place + "/" + prefix + std::to_string(numbers.back())));
  return Numbered{numbers.back(), key};
}

// The key that `wrapped` names, which is_..._key_id() has checked to be a plain path.
Result<Secret> KeyringDirectory::unwrap_by(const std::string& file, const std::string& what,
                                           const WrappedKey& wrapped, ByteView context) const {
  Result<Secret> key = read_secret_file(path_ + "/" + file);
  if (!key.ok() && key.error().code == Code::kNotFound) return unknown_key(what, wrapped.key_id);
  if (!key.ok()) return key;
  return unwrap_with(key.value(), wrapped, context);
}

Result<DataKey> KeyringDirectory::generate_data_key(const std::string& tenant, ByteView context) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(const Numbered wrapping, newest("tenants/" + tenant, ""));
  DataKey made;
  fill_random(made.plain.mutable_view());
  made.wrapped.key_id = tenant + "/" + std::to_string(wrapping.number);
  made.wrapped.wrapped = wrap_with(wrapping.key, made.plain, context);
  return made;
}

Result<Secret> KeyringDirectory::unwrap(const WrappedKey& wrapped, ByteView context) {
  if (!is_tenant_key_id(wrapped.key_id)) return unknown_key("manifest", wrapped.key_id);
  return unwrap_by("tenants/" + wrapped.key_id, "manifest", wrapped, context);
}

Result<WrappedKey> KeyringDirectory::wrap_salt(const Secret& salt, ByteView context) {
  THAW_ASSIGN(const Numbered wrapping, newest("builder", "wrap-"));
  return WrappedKey{"builder/wrap-" + std::to_string(wrapping.number),
                    wrap_with(wrapping.key, salt, context)};
}

Result<Secret> KeyringDirectory::unwrap_salt(const WrappedKey& wrapped, ByteView context) {
  if (!is_builder_key_id(wrapped.key_id)) return unknown_key("salt", wrapped.key_id);
  return unwrap_by(wrapped.key_id, "salt", wrapped, context);
}

// The first signing key is trusted before it exists, so that a crash in between leaves no key that signs in
// vain. Later nothing is trusted again: a person may have taken the trust away.
Status KeyringDirectory::make_first_signing_key() const {
  const SigningKey pair = SigningKey::generate();
  const std::string trusted = path_ + "/trusted/" + to_hex(pair.public_key);
  const std::string seed = path_ + "/builder/sign-1";
  THAW_TRY(make_public_file(trusted, pair.public_key));
  THAW_TRY(make_secret_file(seed, pair.seed));
  THAW_ASSIGN(const Secret kept, read_secret_file(seed));
  // Another builder was first: nobody has the key of what was trusted here.
  if (SigningKey::from_seed(kept).public_key == pair.public_key) return {};
  return ::unlink(trusted.c_str()) == 0 ? Status() : system_error(trusted, errno);
}

Status KeyringDirectory::prepare_builder() {
  THAW_ASSIGN(const std::vector<unsigned> numbers, numbered_files(path_ + "/builder", "sign-"));
  if (numbers.empty() && use_ == KeyringUse::kBuild) THAW_TRY(make_first_signing_key());
  return {};
}

Result<Signed> KeyringDirectory::sign_message(ByteView message) {
  THAW_TRY(prepare_builder());
  THAW_ASSIGN(const Numbered seed, newest("builder", "sign-"));
  const SigningKey pair = SigningKey::from_seed(seed.key);
  return Signed{pair.public_key, sign(pair, message)};
}

Status KeyringDirectory::create(const std::string& tenant) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(const Numbered made, newest("tenants/" + tenant, ""));
  (void)made;
  return {};
}

Result<WrappedKey> KeyringDirectory::rewrap(const WrappedKey& wrapped, const std::string& tenant,
                                            ByteView context) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  THAW_ASSIGN(const Secret plain, unwrap(wrapped, context));
  THAW_ASSIGN(const Numbered wrapping, newest("tenants/" + tenant, ""));
  return WrappedKey{tenant + "/" + std::to_string(wrapping.number), wrap_with(wrapping.key, plain, context)};
}

Result<std::vector<KeyVersion>> KeyringDirectory::versions_of(const std::string& tenant) const {
  const std::string folder = path_ + "/tenants/" + tenant;
  THAW_ASSIGN(const std::vector<unsigned> open, numbered_files(folder, ""));
  THAW_ASSIGN(const std::vector<unsigned> retiring, numbered_files(folder, std::string(kRetiringPrefix)));
  std::vector<KeyVersion> versions;
  for (const unsigned number : open) {
    const KeyState state = number == open.back() ? KeyState::kActive : KeyState::kOpensOld;
    versions.push_back(version_in(folder + "/" + std::to_string(number), tenant, number, state));
  }
  for (const unsigned number : retiring) {
    const std::string path = folder + "/" + std::string(kRetiringPrefix) + std::to_string(number);
    versions.push_back(version_in(path, tenant, number, KeyState::kRetiring));
  }
  return versions;
}

Result<KeyVersion> KeyringDirectory::make_next(const std::string& tenant) {
  if (!is_tenant_key_id(tenant + "/1")) return no_tenant(tenant);
  const std::string folder = path_ + "/tenants/" + tenant;
  THAW_ASSIGN(const std::vector<unsigned> numbers, numbered_files(folder, ""));
  if (numbers.empty()) return no_key_yet(tenant);
  const unsigned number = numbers.back() + 1;
  const std::string path = folder + "/" + std::to_string(number);
  Secret fresh;
  fill_random(fresh.mutable_view());
  THAW_TRY(make_secret_file(path, fresh));
  return version_in(path, tenant, number, KeyState::kActive);
}

Status KeyringDirectory::change(const std::string& key_id, KeyState state) {
  if (!is_tenant_key_id(key_id)) return no_such_key(key_id);
  const std::string tenant = key_id.substr(0, key_id.find('/'));
  THAW_ASSIGN(const std::vector<KeyVersion> versions, versions_of(tenant));
  const auto found = std::ranges::find(versions, key_id, &KeyVersion::id);
  if (found == versions.end()) return no_such_key(key_id);
  if (found->state == KeyState::kActive) return still_wraps(*found);
  const std::string folder = path_ + "/tenants/" + tenant + "/";
  const std::string open = folder + std::to_string(found->number);
  const std::string retiring = folder + std::string(kRetiringPrefix) + std::to_string(found->number);
  const std::string& from = found->state == KeyState::kRetiring ? retiring : open;
  const std::string& to = state == KeyState::kRetiring ? retiring : open;
  const int failed =
      state == KeyState::kRetired ? ::unlink(from.c_str()) : ::rename(from.c_str(), to.c_str());
  if (failed != 0) return system_error(from, errno);
  return sync_folder(folder);
}

Result<std::vector<KeyVersion>> KeyringDirectory::list() const {
  std::vector<KeyVersion> keys;
  std::error_code failed;
  const std::string folder = path_ + "/tenants";
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string tenant = entry->path().filename().string();
    if (!is_tenant_key_id(tenant + "/1")) continue;
    THAW_ASSIGN(const std::vector<KeyVersion> versions, versions_of(tenant));
    keys.insert(keys.end(), versions.begin(), versions.end());
  }
  if (failed && failed != std::errc::no_such_file_or_directory) return system_error(folder, failed.value());
  std::sort(keys.begin(), keys.end(), by_tenant_and_number);
  return keys;
}

Result<TrustedBuilders> KeyringDirectory::trusted() const {
  TrustedBuilders builders;
  std::error_code failed;
  const std::string folder = path_ + "/trusted";
  for (std::filesystem::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    const Result<Secret> key = read_public_file(entry->path().string());
    if (!key.ok() && key.error().code == Code::kNotFound) continue;  // of a builder that was not the first
    if (!key.ok()) return key.error();
    PublicKey builder{};
    std::memcpy(builder.data(), key->view().data(), builder.size());
    builders.insert(builder);
  }
  if (failed && failed != std::errc::no_such_file_or_directory) return system_error(folder, failed.value());
  return builders;
}

}  // namespace thaw
