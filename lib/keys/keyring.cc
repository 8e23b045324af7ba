#include "lib/keys/keyring.h"

#include <algorithm>

#include "lib/base/file_url.h"
#include "lib/keys/keyring_directory.h"
#include "lib/keys/kms_keyring.h"
#include "lib/keys/kms_place.h"
#include "lib/keys/pkcs11_keyring.h"
#include "lib/keys/pkcs11_uri.h"

namespace thaw {
namespace {

// Of "file:///DIR".
std::optional<std::string> folder_of_url(const std::string& url) {
  std::optional<std::string> path = path_of_file_url(url);
  return path && path->starts_with('/') ? path : std::nullopt;
}

// Not with the rest of the URL, which may hold what is secret.
Error unknown_url(const std::string& url) {
  return Error{Code::kUsage, "begins with \"" + url.substr(0, std::min(url.find(':'), size_t{16})) +
                                 "\", and is file:///DIR, pkcs11:token=…?module-path=…&pin-source=… or "
                                 "aws-kms:PREFIX?region=…"};
}

}  // namespace

Status check_keys_url(const std::string& url) {
  if (folder_of_url(url)) return {};
  if (KmsPlace::is_one(url)) {
    THAW_ASSIGN(const KmsPlace place, KmsPlace::parse(url));
    (void)place;
    return {};
  }
  if (!Pkcs11Uri::is_one(url)) return unknown_url(url);
  THAW_ASSIGN(const Pkcs11Uri uri, Pkcs11Uri::parse(url));
  (void)uri;
  return {};
}

Result<std::unique_ptr<Keyring>> open_keyring(const std::string& url, KeyringUse use) {
  std::unique_ptr<Keyring> keyring;
  if (const auto folder = folder_of_url(url)) {
    keyring = std::make_unique<KeyringDirectory>(*folder, use);
    return keyring;
  }
  if (KmsPlace::is_one(url)) {
    THAW_ASSIGN(const KmsPlace place, KmsPlace::parse(url));
    keyring = std::make_unique<KmsKeyring>(place, use);
    return keyring;
  }
  if (!Pkcs11Uri::is_one(url)) return unknown_url(url);
  THAW_ASSIGN(const Pkcs11Uri uri, Pkcs11Uri::parse(url));
  keyring = std::make_unique<Pkcs11Keyring>(uri, use);
  return keyring;
}

}  // namespace thaw
