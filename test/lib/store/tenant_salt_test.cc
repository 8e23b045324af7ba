#include "lib/store/tenant_salt.h"

#include "test/lib/store/store_fixture.h"

namespace thaw::tenant_salt_test {
namespace {

bool same_secret(const Secret& a, const Secret& b) { return std::ranges::equal(a.view(), b.view()); }

struct TenantSaltFixture : CatalogFixture {
  SaltMemory memory{folder / "salts"};
  BuildPlace place = catalog.prepare_build(keys, 1).value();

  Result<Salt> salt(const std::string& tenant, Isolation isolation) {
    return salt_for_tenant(catalog, place, tenant, isolation, keys, memory);
  }
};

}  // namespace

TEST_CASE("a private tenant has a salt of his own, for every builder from then on", "[store]") {
  TenantSaltFixture fixture;
  CHECK(same_secret(fixture.salt("zeta", Isolation::kShared)->secret, fixture.place.salt.secret));
  const Secret own = fixture.salt("acme", Isolation::kPrivate)->secret;
  CHECK_FALSE(same_secret(own, fixture.place.salt.secret));
  CHECK(same_secret(fixture.salt("acme", Isolation::kPrivate)->secret, own));
  CHECK(same_secret(fixture.salt("acme", Isolation::kShared)->secret, own));
  CHECK_FALSE(same_secret(fixture.salt("other", Isolation::kPrivate)->secret, own));

  SaltMemory another(fixture.folder / "another");
  const auto seen =
      salt_for_tenant(fixture.catalog, fixture.place, "acme", Isolation::kShared, fixture.keys, another);
  CHECK(same_secret(seen->secret, own));
}

TEST_CASE("a tenant's salt that goes away or is exchanged is refused", "[store]") {
  TenantSaltFixture fixture;
  const Secret acme = fixture.salt("acme", Isolation::kPrivate)->secret;
  REQUIRE(fixture.salt("zeta", Isolation::kPrivate).ok());
  const std::string key = tenant_salt_key("acme");
  const std::string document = fixture.text_of(key);
  const Identifier zeta =
      parse_tenant_salt_document(as_bytes(fixture.text_of(tenant_salt_key("zeta"))), "zeta").value();

  REQUIRE(fixture.remove(key).ok());
  CHECK(fixture.salt("acme", Isolation::kShared).error().code == Code::kRefused);
  CHECK(fixture.salt("acme", Isolation::kPrivate).error().code == Code::kRefused);
  REQUIRE(fixture.put(key, fixture.text_of(tenant_salt_key("zeta"))).ok());
  CHECK(fixture.salt("acme", Isolation::kPrivate).error().code == Code::kDamaged);
  // A builder that has seen nothing yet still shares nothing with the tenant whose salt is named.
  REQUIRE(fixture.put(key, write_tenant_salt_document("acme", zeta)).ok());
  CHECK(fixture.salt("acme", Isolation::kPrivate).error().code == Code::kRefused);
  SaltMemory fresh(fixture.folder / "fresh");
  const auto taken =
      salt_for_tenant(fixture.catalog, fixture.place, "acme", Isolation::kPrivate, fixture.keys, fresh);
  REQUIRE(taken.ok());
  CHECK_FALSE(same_secret(taken->secret, fixture.salt("zeta", Isolation::kPrivate)->secret));

  REQUIRE(fixture.put(key, document).ok());
  CHECK(same_secret(fixture.salt("acme", Isolation::kPrivate)->secret, acme));
}

TEST_CASE("a root whose salt is not the one that was seen is refused", "[store]") {
  TenantSaltFixture fixture;
  REQUIRE(fixture.salt("acme", Isolation::kShared).ok());
  fixture.place.salt = make_salt();
  const auto refused = fixture.salt("acme", Isolation::kShared);
  CHECK(refused.error().code == Code::kRefused);
  CHECK(refused.error().message.find("changed on purpose") != std::string::npos);
}

}  // namespace thaw::tenant_salt_test
