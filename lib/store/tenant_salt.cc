#include "lib/store/tenant_salt.h"

#include <cstring>
#include <optional>

#include "lib/base/await.h"
#include "lib/crypto/hash.h"

namespace thaw {
namespace {

constexpr std::string_view kTenantSaltLabel("thaw tenant salt v1\0", 20);

// Bound to the tenant: a document that names another tenant's salt, or the shared one, still shares nothing.
Secret bound_to_tenant(const Secret& salt, const std::string& tenant) {
  Bytes message(kTenantSaltLabel.begin(), kTenantSaltLabel.end());
  message.insert(message.end(), tenant.begin(), tenant.end());
  return Secret::from(hmac_sha256(salt.view(), message).view());
}

Result<std::optional<Identifier>> own_salt_id(Catalog& catalog, const std::string& tenant) {
  const Result<Object> stored = catalog.read(tenant_salt_key(tenant), kMaxDocumentBytes);
  if (!stored.ok() && stored.error().code == Code::kNotFound) return std::optional<Identifier>();
  if (!stored.ok()) return stored.error();
  THAW_ASSIGN(const Identifier id, parse_tenant_salt_document(stored->bytes.view(), tenant));
  return std::optional<Identifier>(id);
}

// The salt stands before the document that names it. Builders that do so at once agree on what was first.
Result<Identifier> make_own_salt(Catalog& catalog, const BuildPlace& place, const std::string& tenant,
                                 BuilderKeys& keys) {
  const PutOptions absent{PutIf::kAbsent, {}, Durability::kNow};
  const Salt salt = make_salt();
  THAW_ASSIGN(const Bytes record, wrap_salt_record(salt, place.store_id, keys));
  THAW_ASSIGN(const PutOutcome stored, catalog.write(salt_key(salt.id), record, absent));
  const std::string document = write_tenant_salt_document(tenant, salt.id);
  THAW_ASSIGN(const PutOutcome named_it, catalog.write(tenant_salt_key(tenant), as_bytes(document), absent));
  // What is there now counts, not what these answers say: one that was repeated may be about our own.
  (void)stored, (void)named_it;
  THAW_ASSIGN(const std::optional<Identifier> named, own_salt_id(catalog, tenant));
  if (!named) return Error{Code::kFailed, "the salt of tenant " + tenant + " went away; try again"};
  if (*named != salt.id) {
    const auto removed = await<bool>(
        [&](Completion<bool> done) { catalog.store().remove(salt_key(salt.id), std::move(done)); });
    if (!removed.ok()) return removed.error();
  }
  return *named;
}

}  // namespace

Result<Salt> salt_for_tenant(Catalog& catalog, const BuildPlace& place, const std::string& tenant,
                             Isolation isolation, BuilderKeys& keys, SaltMemory& memory) {
  const SaltScope own{place.store_id, tenant};
  THAW_ASSIGN(std::optional<Identifier> id, own_salt_id(catalog, tenant));
  THAW_ASSIGN(const bool had_own, memory.knows(own));
  if (!id && had_own) {
    return Error{Code::kRefused, tenant_salt_key(tenant) + " is gone from the store: what tenant " + tenant +
                                     " builds would be shared; restore it, or remove " + memory.file_of(own) +
                                     " if that is meant"};
  }
  if (!id && isolation == Isolation::kShared) {
    THAW_TRY(memory.check({place.store_id, ""}, place.salt.secret));
    return place.salt;
  }
  if (!id) {
    THAW_ASSIGN(id, make_own_salt(catalog, place, tenant, keys));
  }
  const Result<Object> record = catalog.read(salt_key(*id), kMaxSaltRecordBytes);
  if (!record.ok() && record.error().code == Code::kNotFound) {
    return Error{Code::kDamaged, "the store has lost the salt of tenant " + tenant + ", " + salt_key(*id) +
                                     "; put it back from a copy of the store"};
  }
  if (!record.ok()) return record.error();
  THAW_ASSIGN(Salt salt, open_salt_record(record->bytes.view(), *id, place.store_id, keys));
  salt.secret = bound_to_tenant(salt.secret, tenant);
  THAW_TRY(memory.check(own, salt.secret));
  return salt;
}

}  // namespace thaw
