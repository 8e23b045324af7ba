// salt_for_tenant: with which salt a tenant's chunks are sealed: the root's, which all share, or one of his
// own (docs/formats/salt.md, "A tenant's own salt").
//
// Blocks like Catalog.
#pragma once

#include <string>

#include "lib/manifest/salt_memory.h"
#include "lib/store/catalog.h"

namespace thaw {

enum class Isolation : uint8_t {
  kShared,   // as the store has it: shared, unless the tenant has a salt of his own already
  kPrivate,  // a salt of his own; made when he has none
};

// REQUIRES: check_tenant(tenant).ok()
// kRefused when the salt is not the one that `memory` has seen for the tenant.
Result<Salt> salt_for_tenant(Catalog& catalog, const BuildPlace& place, const std::string& tenant,
                             Isolation isolation, BuilderKeys& keys, SaltMemory& memory);

}  // namespace thaw
