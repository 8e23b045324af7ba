// The JSON documents of a store, store.json, root.json and a tenant's salt.json (docs/formats/store.md).
// Pure; what is read is not trusted: kDamaged for anything that is not exactly such a document.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/buffer.h"
#include "lib/base/result.h"
#include "lib/manifest/identifier.h"
#include "lib/store/paths.h"

namespace thaw {

inline constexpr uint64_t kMaxDocumentBytes = 16 * 1024;

enum class RootState : uint8_t { kActive, kRetired, kExpired, kDeleted };

std::string_view root_state_name(RootState state);

struct Root {
  RootId id;
  RootState state = RootState::kActive;
  Identifier salt_id;
  uint64_t created = 0;  // seconds since 1970, for people
};

std::string write_store_document(const Identifier& store_id);
Result<Identifier> parse_store_document(ByteView bytes);

std::string write_root_document(const Root& root);
// kDamaged also for the document of another root than `id`.
Result<Root> parse_root_document(ByteView bytes, const RootId& id);

std::string write_tenant_salt_document(const std::string& tenant, const Identifier& salt_id);
// kDamaged also for the document of another tenant.
Result<Identifier> parse_tenant_salt_document(ByteView bytes, const std::string& tenant);

}  // namespace thaw
