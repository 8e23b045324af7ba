// SaltMemory: the fingerprints of the salts that this builder has sealed with, so that a store in which a
// salt was exchanged (for one that somebody knows, or that parts what is to be shared) is noticed
// (docs/formats/salt.md).
//
// A folder of small files in state_dir, one a store and scope; each is written once, atomically. Blocking;
// any thread may call, and processes may share a folder.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/manifest/salt_record.h"

namespace thaw {

// Whose salt: everybody's, or one tenant's own.
struct SaltScope {
  Identifier store_id;
  std::string tenant;  // empty: everybody's
};

// Of one scope.
inline constexpr size_t kMaxSaltsRemembered = 64;

class SaltMemory {
 public:
  // Makes `folder` at the first use.
  explicit SaltMemory(std::string folder) : folder_(std::move(folder)) {}

  // Remembers the salt of a scope that was not seen before. kRefused for another one than was seen.
  Status check(const SaltScope& scope, const Secret& salt);
  // From now on that salt is right too, beside those that were seen: who made it says so. Nothing where none
  // was seen: the first one that is will be right. kFailed beyond kMaxSaltsRemembered.
  Status allow(const SaltScope& scope, const Secret& salt);
  // Whether a salt of that scope was seen.
  Result<bool> knows(const SaltScope& scope) const;
  // The file of that scope: who changed a salt on purpose removes it.
  std::string file_of(const SaltScope& scope) const;

 private:
  const std::string folder_;
};

}  // namespace thaw
