#include "lib/keys/keyring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "lib/base/file.h"
#include "lib/base/hex.h"
#include "lib/crypto/aead.h"
#include "lib/crypto/random.h"

namespace thaw {
namespace {

constexpr unsigned kFolderMode = 0700;
constexpr unsigned kKeyMode = 0600;
constexpr uint64_t kMaxKeyFileBytes = 4096;
constexpr const char* kScheme = "file://";

Result<Secret> read_key(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return system_error("key " + path, errno);
  if ((info.st_mode & 077) != 0) {
    return Error{Code::kRefused,
                 "key " + path + " can be read by others than its owner; run: chmod 600 " + path};
  }
  THAW_ASSIGN(Buffer text, read_file(path, kMaxKeyFileBytes));
  std::string_view digits = as_text(text.view());
  while (digits.ends_with('\n')) digits.remove_suffix(1);
  Secret key;
  const bool good = from_hex(digits, key.mutable_view());
  wipe(text.mutable_view());
  if (!good) return Error{Code::kDamaged, "key " + path + " is not 64 hexadecimal digits"};
  return key;
}

// Makes the file unless there is one; either way the key that it holds afterwards is returned, so that two
// builders that start at once agree.
Result<Secret> read_or_create_key(const std::string& path) {
  auto existing = read_key(path);
  if (existing.ok() || existing.error().code != Code::kNotFound) return existing;
  THAW_TRY(make_folders(std::filesystem::path(path).parent_path().string(), kFolderMode));
  Secret key;
  fill_random(key.mutable_view());
  const std::string temporary = path + ".new-" + std::to_string(::getpid());
  THAW_TRY(replace_file(temporary, as_bytes(to_hex(key.view()) + "\n"), kKeyMode));
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int failure = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && failure != EEXIST) return system_error("key " + path, failure);
  THAW_TRY(sync_folder(std::filesystem::path(path).parent_path().string()));
  return read_key(path);
}

Bytes wrap(const Secret& key, ByteView context, const Secret& plain) {
  Bytes wrapped(kGcmNonceBytes);
  fill_random(wrapped);
  const Bytes sealed = gcm_seal(key, ByteView(wrapped).first(kGcmNonceBytes), context, plain.view());
  wrapped.insert(wrapped.end(), sealed.begin(), sealed.end());
  return wrapped;
}

Result<Secret> unwrap_with(const Secret& key, const WrappedKey& wrapped, ByteView context) {
  const ByteView bytes = wrapped.wrapped;
  Secret plain;
  const bool sized = bytes.size() == kGcmNonceBytes + kKeyBytes + kGcmTagBytes;
  if (sized &&
      gcm_open(key, bytes.first(kGcmNonceBytes), context, bytes.subspan(kGcmNonceBytes), plain.mutable_view())
          .ok()) {
    return plain;
  }
  return Error{Code::kRefused, "key \"" + wrapped.key_id +
                                   "\" does not open what it is said to have wrapped: it was "
                                   "altered, moved, or the key is another one"};
}

// Ascending; files that are no "<number>.key" are not ours.
std::vector<unsigned> versions_in(const std::string& folder) {
  std::vector<unsigned> versions;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
    const std::string name = entry.path().stem().string();
    unsigned version = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), version);
    const bool whole = bad == std::errc() && end == name.data() + name.size();
    if (whole && entry.path().extension() == ".key") versions.push_back(version);
  }
  std::ranges::sort(versions);
  return versions;
}

bool valid_tenant(const std::string& tenant) {
  return !tenant.empty() && tenant.size() <= 64 && std::ranges::all_of(tenant, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

Result<Keyring> Keyring::open(const std::string& url) {
  if (!url.starts_with(std::string(kScheme) + "/")) {
    return Error{Code::kUsage, "\"keys.url\" is \"" + url + "\"; this version knows file:///DIR only"};
  }
  return Keyring(url.substr(std::string(kScheme).size()));
}

Result<Keyring::TenantKey> Keyring::create(const std::string& tenant) {
  if (!valid_tenant(tenant)) {
    return Error{Code::kUsage, "\"" + tenant + "\" is no tenant name: use a-z, 0-9 and -, at most 64"};
  }
  const std::string folder = folder_ + "/tenants/" + tenant;
  const auto versions = versions_in(folder);
  if (!versions.empty()) return TenantKey{tenant + "/" + std::to_string(versions.back()), tenant, false};
  THAW_ASSIGN(const Secret key, read_or_create_key(folder + "/1.key"));
  return TenantKey{tenant + "/1", tenant, true};
}

Result<std::vector<Keyring::TenantKey>> Keyring::list() const {
  std::vector<TenantKey> keys;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/tenants", failure)) {
    const std::string tenant = entry.path().filename().string();
    for (const unsigned version : versions_in(entry.path().string())) {
      keys.push_back({tenant + "/" + std::to_string(version), tenant, false});
    }
  }
  if (failure && failure != std::errc::no_such_file_or_directory) {
    return system_error("keyring " + folder_, failure.value());
  }
  std::ranges::sort(keys, {}, &TenantKey::id);
  return keys;
}

Result<DataKey> Keyring::new_data_key(const std::string& tenant, ByteView context) {
  THAW_ASSIGN(const TenantKey newest, create(tenant));
  THAW_ASSIGN(const Secret key, read_key(folder_ + "/tenants/" + newest.id + ".key"));
  DataKey data_key;
  fill_random(data_key.plain.mutable_view());
  data_key.wrapped = {newest.id, wrap(key, context, data_key.plain)};
  return data_key;
}

Result<Secret> Keyring::unwrap(const std::string& tenant, const WrappedKey& key, ByteView context) {
  const bool own = valid_tenant(tenant) && key.key_id.starts_with(tenant + "/") &&
                   key.key_id.find('/', tenant.size() + 1) == std::string::npos;
  const auto secret = own ? read_key(folder_ + "/tenants/" + key.key_id + ".key")
                          : Error{Code::kNotFound, "not the tenant's key"};
  if (!secret.ok() && secret.error().code == Code::kNotFound) {
    return Error{Code::kRefused, "the manifest is wrapped with key \"" + key.key_id +
                                     "\", which the key service does not know; see 'thaw keys list'"};
  }
  if (!secret.ok()) return secret.error();
  return unwrap_with(secret.value(), key, context);
}

Result<WrappedKey> Keyring::wrap_salt(const Secret& salt, ByteView context) {
  THAW_ASSIGN(const Secret key, read_or_create_key(folder_ + "/builder/wrap-1.key"));
  return WrappedKey{"builder/wrap-1", wrap(key, context, salt)};
}

Result<Secret> Keyring::unwrap_salt(const WrappedKey& key, ByteView context) {
  if (key.key_id != "builder/wrap-1") {
    return Error{Code::kRefused,
                 "the salt is wrapped with key \"" + key.key_id + "\", which this builder does not have"};
  }
  const auto secret = read_key(folder_ + "/builder/wrap-1.key");
  if (secret.ok()) return unwrap_with(secret.value(), key, context);
  if (secret.error().code != Code::kNotFound) return secret.error();
  return Error{Code::kRefused, "this keyring (" + folder_ +
                                   ") does not have the builder key that wraps the store's salt; "
                                   "copy builder/ from the machine that made the store"};
}

Result<SigningKey> Keyring::signing_key() {
  THAW_ASSIGN(const Secret seed, read_or_create_key(folder_ + "/builder/sign-1.key"));
  const SigningKey key = SigningKey::from_seed(seed);
  const std::string trusted = folder_ + "/trusted";
  const std::string path = trusted + "/" + to_hex(key.public_key) + ".pub";
  if (::access(path.c_str(), F_OK) == 0) return key;
  THAW_TRY(make_folders(trusted, kFolderMode));
  THAW_TRY(replace_file(path, as_bytes(to_hex(key.public_key) + "\n"), 0644));
  return key;
}

Result<std::vector<PublicKey>> Keyring::trusted_builders() const {
  std::vector<PublicKey> keys;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/trusted", failure)) {
    PublicKey key{};
    if (entry.path().extension() == ".pub" && from_hex(entry.path().stem().string(), key))
      keys.push_back(key);
  }
  return keys;
}

}  // namespace thaw
