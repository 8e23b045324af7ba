// The JSON documents of a store: store.json, root.json, a tenant's salt.json, leases, alarms
// (docs/formats/store.md).
// Pure; what is read is not trusted: kDamaged for anything that is not exactly such a document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/manifest/identifier.h"
#include "lib/store/paths.h"

namespace thaw {

inline constexpr uint64_t kMaxDocumentBytes = 16 * 1024;
inline constexpr uint64_t kMaxLeaseBytes = 1024 * 1024;
inline constexpr size_t kMaxLeasedManifests = 10'000;

enum class RootState : uint8_t { kActive, kRetired, kExpired, kDeleted };

std::string_view root_state_name(RootState state);

struct Root {
  RootId id;
  RootState state = RootState::kActive;
  Identifier salt_id;
  uint64_t created = 0;  // seconds since 1970, for people
  uint64_t changed = 0;  // its state, by the store's own clock: seconds since 1970; 0: never
  unsigned share = 100;  // percent of the builds that a newer root takes from an older one
  bool emptied = false;  // of a deleted root: nothing of it is left but this
  // What the last count found, and when by the store's clock.
  struct Count {
    uint64_t chunks = 0;
    uint64_t bytes = 0;
    uint64_t at = 0;
  };
  std::optional<Count> counted{};
  std::string cleared{};  // why a person took its alarms away, the last time
};

std::string write_store_document(const Identifier& store_id);
Result<Identifier> parse_store_document(ByteView bytes);

std::string write_root_document(const Root& root);
// kDamaged also for the document of another root than `id`.
Result<Root> parse_root_document(ByteView bytes, const RootId& id);

std::string write_tenant_salt_document(const std::string& tenant, const Identifier& salt_id);
// kDamaged also for the document of another tenant.
Result<Identifier> parse_tenant_salt_document(ByteView bytes, const std::string& tenant);

// The images that somebody uses. They stay, whatever their names mean (docs/formats/store.md).
struct Lease {
  Identifier holder;
  std::vector<Digest> manifests;  // at most kMaxLeasedManifests
};

std::string write_lease(const Lease& lease);
// kDamaged also for the lease of another holder.
Result<Lease> parse_lease(ByteView bytes, const Identifier& holder);

// Somebody needed what lies in an expired root, or found nowhere what an image needs.
struct Alarm {
  RootId root;
  Identifier holder;
  std::string why;  // one line, for people
};

std::string write_alarm(const Alarm& alarm);
// kDamaged also for another root's alarm, and another holder's.
Result<Alarm> parse_alarm(ByteView bytes, const RootId& root, const Identifier& holder);

}  // namespace thaw
