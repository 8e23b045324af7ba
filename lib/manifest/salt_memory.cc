#include "lib/manifest/salt_memory.h"

#include <algorithm>
#include <optional>

#include "lib/base/file.h"
#include "lib/crypto/hash.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kFingerprintMagic = "THAWSEED";
constexpr uint64_t kMaxFingerprintFileBytes = 128;
constexpr std::string_view kFingerprintLabel("thaw salt fingerprint v1\0", 25);

// Says nothing of the salt, which is 32 random bytes.
Digest fingerprint_of(const Secret& salt) { return hmac_sha256(salt.view(), as_bytes(kFingerprintLabel)); }

Result<std::optional<Digest>> read_fingerprint(const std::string& path) {
  const Result<Buffer> stored = read_file(path, kMaxFingerprintFileBytes);
  if (!stored.ok() && stored.error().code == Code::kNotFound) return std::optional<Digest>();
  if (!stored.ok()) return stored.error();
  WireReader in(stored->view());
  in.expect(as_bytes(kFingerprintMagic));
  const Digest fingerprint = in.digest();
  in.expect_checksum();
  if (in.finished()) return std::optional<Digest>(fingerprint);
  return Error{Code::kDamaged, path + ": the remembered salt is damaged; remove the file to start anew"};
}

}  // namespace

std::string SaltMemory::file_of(const SaltScope& scope) const {
  return folder_ + "/" + scope.store_id.hex() + (scope.tenant.empty() ? "" : "." + scope.tenant);
}

Result<bool> SaltMemory::knows(const SaltScope& scope) const {
  THAW_ASSIGN(const std::optional<Digest> seen, read_fingerprint(file_of(scope)));
  return seen.has_value();
}

Status SaltMemory::check(const SaltScope& scope, const Secret& salt) {
  const std::string path = file_of(scope);
  THAW_ASSIGN(const std::optional<Digest> seen, read_fingerprint(path));
  const Digest fingerprint = fingerprint_of(salt);
  if (seen == fingerprint) return {};
  if (seen) {
    const std::string whose = scope.tenant.empty() ? "" : " of tenant " + scope.tenant;
    return Error{Code::kRefused, "the store's salt" + whose +
                                     " is not the one that this builder has used before: the store was "
                                     "exchanged or altered; if it was changed on purpose, remove " +
                                     path};
  }
  THAW_TRY(make_folders(folder_, 0700));
  WireWriter out;
  out.bytes(as_bytes(kFingerprintMagic));
  out.bytes(fingerprint.view());
  out.checksum();
  return replace_file(path, out.view(), 0600);
}

}  // namespace thaw
