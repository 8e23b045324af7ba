#include "lib/manifest/salt_record.h"

#include "test/lib/manifest/mutations.h"
#include "test/lib/manifest/sample.h"

namespace thaw::salt_record_test {

TEST_CASE("a salt opens in its own store under its own id", "[manifest]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  const Identifier store = Identifier::random();
  const Salt salt = make_salt();
  const auto record = wrap_salt_record(salt, store, keys);
  REQUIRE(record.ok());
  const auto open = open_salt_record(record.value(), salt.id, store, keys);
  REQUIRE(open.ok());
  CHECK(same_bytes(open->secret.view(), salt.secret.view()));
  CHECK_FALSE(open_salt_record(record.value(), Identifier::random(), store, keys).ok());
  CHECK_FALSE(open_salt_record(record.value(), salt.id, Identifier::random(), keys).ok());

  KeyringDirectory other(folder / "other", KeyringUse::kRead);
  CHECK(open_salt_record(record.value(), salt.id, store, other).error().code == Code::kRefused);

  refuse_all_damage(record.value(), [&](ByteView damaged) {
    const auto read = open_salt_record(damaged, salt.id, store, keys);
    REQUIRE_FALSE(read.ok());
    return read.error().code;
  });
  mutate(record.value(), 5000,
         [&](ByteView damaged) { CHECK_FALSE(open_salt_record(damaged, salt.id, store, keys).ok()); });
}

}  // namespace thaw::salt_record_test
