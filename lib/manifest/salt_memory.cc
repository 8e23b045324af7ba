#include "lib/manifest/salt_memory.h"

#include <algorithm>
#include <vector>

#include "lib/base/file.h"
#include "lib/crypto/hash.h"
#include "lib/manifest/wire.h"

namespace thaw {
namespace {

constexpr std::string_view kFingerprintMagic = "THAWSEED";
constexpr size_t kFingerprintBytes = 32;
constexpr uint64_t kMaxFingerprintFileBytes = 8 + (kMaxSaltsRemembered + 1) * kFingerprintBytes;
constexpr std::string_view kFingerprintLabel("thaw salt fingerprint v1\0", 25);

// Says nothing of the salt, which is 32 random bytes.
Digest fingerprint_of(const Secret& salt) { return hmac_sha256(salt.view(), as_bytes(kFingerprintLabel)); }

// One after the other; none when there is no file.
Result<std::vector<Digest>> read_fingerprints(const std::string& path) {
  std::vector<Digest> seen;
  const Result<Buffer> stored = read_file(path, kMaxFingerprintFileBytes);
  if (!stored.ok() && stored.error().code == Code::kNotFound) return seen;
  if (!stored.ok()) return stored.error();
  WireReader in(stored->view());
  in.expect(as_bytes(kFingerprintMagic));
  do {
    seen.push_back(in.digest());
  } while (!in.failed() && in.remaining() > kFingerprintBytes);
  in.expect_checksum();
  if (in.finished()) return seen;
  return Error{Code::kDamaged, path + ": the remembered salt is damaged; remove the file to start anew"};
}

Status write_fingerprints(const std::string& path, const std::vector<Digest>& seen) {
  WireWriter out;
  out.bytes(as_bytes(kFingerprintMagic));
  for (const Digest& fingerprint : seen) out.bytes(fingerprint.view());
  out.checksum();
  return replace_file(path, out.view(), 0600);
}

}  // namespace

std::string SaltMemory::file_of(const SaltScope& scope) const {
  return folder_ + "/" + scope.store_id.hex() + (scope.tenant.empty() ? "" : "." + scope.tenant);
}

Result<bool> SaltMemory::knows(const SaltScope& scope) const {
  THAW_ASSIGN(const std::vector<Digest> seen, read_fingerprints(file_of(scope)));
  return !seen.empty();
}

Status SaltMemory::check(const SaltScope& scope, const Secret& salt) {
  const std::string path = file_of(scope);
  THAW_ASSIGN(const std::vector<Digest> seen, read_fingerprints(path));
  const Digest fingerprint = fingerprint_of(salt);
  if (std::ranges::find(seen, fingerprint) != seen.end()) return {};
  if (!seen.empty()) {
    const std::string whose = scope.tenant.empty() ? "" : " of tenant " + scope.tenant;
    return Error{Code::kRefused, "the store's salt" + whose +
                                     " is not the one that this builder has used before: the store was "
                                     "exchanged or altered; if it was changed on purpose, remove " +
                                     path};
  }
  THAW_TRY(make_folders(folder_, 0700));
  return write_fingerprints(path, {fingerprint});
}

Status SaltMemory::allow(const SaltScope& scope, const Secret& salt) {
  const std::string path = file_of(scope);
  THAW_ASSIGN(std::vector<Digest> seen, read_fingerprints(path));
  const Digest fingerprint = fingerprint_of(salt);
  if (seen.empty() || std::ranges::find(seen, fingerprint) != seen.end()) return {};
  if (seen.size() == kMaxSaltsRemembered)
    return Error{Code::kFailed, path + " has too many salts; remove it to start anew"};
  seen.push_back(fingerprint);
  return write_fingerprints(path, seen);
}

}  // namespace thaw
