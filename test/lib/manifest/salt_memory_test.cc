#include "lib/manifest/salt_memory.h"

#include <filesystem>

#include "test/lib/manifest/sample.h"

namespace thaw::salt_memory_test {

TEST_CASE("another salt than was seen is refused, a store and tenant each for itself", "[manifest]") {
  const TemporaryFolder folder;
  const SaltScope shared{Identifier::random(), ""};
  const SaltScope own{shared.store_id, "acme"};
  const SaltScope elsewhere{Identifier::random(), ""};
  const Secret first = make_salt().secret;
  const Secret second = make_salt().secret;
  SaltMemory memory(folder / "state/salts");
  CHECK_FALSE(memory.knows(shared).value());
  CHECK(memory.check(shared, first).ok());
  CHECK(memory.check(own, second).ok());
  CHECK(memory.check(elsewhere, second).ok());

  SaltMemory restarted(folder / "state/salts");
  CHECK(restarted.knows(shared).value());
  CHECK(restarted.check(shared, first).ok());
  const Status refused = restarted.check(shared, second);
  CHECK(refused.error().code == Code::kRefused);
  CHECK(refused.error().message.find(restarted.file_of(shared)) != std::string::npos);
  CHECK(restarted.check(own, first).error().code == Code::kRefused);

  REQUIRE(std::filesystem::remove(restarted.file_of(shared)));
  CHECK(restarted.check(shared, second).ok());
}

TEST_CASE("a salt that is allowed is right beside those that were seen, and no other is", "[manifest]") {
  const TemporaryFolder folder;
  const SaltScope scope{Identifier::random(), ""};
  const Secret first = make_salt().secret;
  const Secret second = make_salt().secret;
  SaltMemory memory(folder / "salts");
  // Nothing was seen: the first salt that is will be right, whichever it is.
  REQUIRE(memory.allow(scope, second).ok());
  CHECK_FALSE(memory.knows(scope).value());
  REQUIRE(memory.check(scope, first).ok());
  CHECK(memory.check(scope, second).error().code == Code::kRefused);
  REQUIRE(memory.allow(scope, second).ok());
  REQUIRE(memory.allow(scope, second).ok());
  CHECK(memory.check(scope, first).ok());
  CHECK(memory.check(scope, second).ok());
  CHECK(memory.check(scope, make_salt().secret).error().code == Code::kRefused);
  for (size_t known = 2; known < kMaxSaltsRemembered; ++known) {
    REQUIRE(memory.allow(scope, make_salt().secret).ok());
  }
  CHECK(memory.allow(scope, make_salt().secret).error().code == Code::kFailed);
  CHECK(memory.check(scope, first).ok());
}

TEST_CASE("a damaged memory of salts is said and not overlooked", "[manifest]") {
  const TemporaryFolder folder;
  const SaltScope scope{Identifier::random(), ""};
  const Secret salt = make_salt().secret;
  SaltMemory memory(folder / "salts");
  REQUIRE(memory.check(scope, salt).ok());
  std::filesystem::resize_file(memory.file_of(scope), 20);
  CHECK(memory.check(scope, salt).error().code == Code::kDamaged);
  CHECK(memory.knows(scope).error().code == Code::kDamaged);
}

}  // namespace thaw::salt_memory_test
