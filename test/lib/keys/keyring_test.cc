#include "lib/keys/keyring.h"

#include <array>
#include <catch2/catch.hpp>
#include <thread>

#include "lib/base/hex.h"
#include "lib/crypto/random.h"
#include "test/lib/keys/kms_stand_in.h"
#include "test/lib/keys/soft_hsm.h"
#include "test/temporary_folder.h"

namespace thaw::keyring_test {
namespace {

struct FolderRing {
  TemporaryFolder folder;
  std::unique_ptr<Keyring> open(KeyringUse use) const {
    return open_keyring("file://" + folder / "keys", use).value();
  }
};

bool equal_secrets(const Secret& a, const Secret& b) {
  return std::equal(a.view().begin(), a.view().end(), b.view().begin());
}

std::vector<std::string> states_of(const Keyring& keys) {
  std::vector<std::string> states;
  const auto listed = keys.list();
  REQUIRE(listed.ok());
  for (const KeyVersion& key : listed.value())
    states.push_back(key.id() + " " + std::string(key_state_name(key.state)));
  return states;
}

using States = std::vector<std::string>;

}  // namespace

// What every key service does: files, a token of SoftHSM, and a stand-in for AWS KMS.
TEMPLATE_TEST_CASE("a builder makes tenants' keys and a reader only uses them", "[keys]", FolderRing, SoftHsm,
                   KmsStandIn) {
  const TestType place;
  const auto builder = place.open(KeyringUse::kBuild);
  const auto reader = place.open(KeyringUse::kRead);
  CHECK(reader->generate_data_key("acme", as_bytes("c")).error().code == Code::kRefused);
  CHECK(reader->create("acme").error().code == Code::kRefused);
  CHECK(reader->sign_message(as_bytes("m")).error().code == Code::kRefused);
  CHECK(reader->list()->empty());

  const auto made = builder->generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  CHECK(made->wrapped.key_id == "acme/1");
  const auto opened = reader->unwrap(made->wrapped, as_bytes("c"));
  REQUIRE(opened.ok());
  CHECK(equal_secrets(opened.value(), made->plain));
  const auto second = builder->generate_data_key("acme", as_bytes("c"));
  REQUIRE(second.ok());
  CHECK_FALSE(equal_secrets(second->plain, made->plain));
  for (const char* tenant : {"", "a/b", "..", "A", "a b"}) {
    CHECK(builder->create(tenant).error().code == Code::kUsage);
    CHECK(builder->generate_data_key(tenant, {}).error().code == Code::kUsage);
  }
}

TEMPLATE_TEST_CASE("a wrapped key opens with its own key, context and bytes only", "[keys]", FolderRing,
                   SoftHsm, KmsStandIn) {
  const TestType place;
  const auto keys = place.open(KeyringUse::kBuild);
  const auto made = keys->generate_data_key("acme", as_bytes("context"));
  REQUIRE(made.ok());
  REQUIRE(keys->create("other").ok());

  CHECK(keys->unwrap(made->wrapped, as_bytes("contexT")).error().code == Code::kDamaged);
  CHECK(keys->unwrap({"other/1", made->wrapped.wrapped}, as_bytes("context")).error().code == Code::kDamaged);
  for (size_t i = 0; i < made->wrapped.wrapped.size(); ++i) {
    WrappedKey altered = made->wrapped;
    altered.wrapped[i] ^= 0x10;
    CHECK(keys->unwrap(altered, as_bytes("context")).error().code == Code::kDamaged);
    altered = made->wrapped;
    altered.wrapped.resize(i);
    CHECK(keys->unwrap(altered, as_bytes("context")).error().code == Code::kDamaged);
  }
  const Error unknown = keys->unwrap({"acme/2", made->wrapped.wrapped}, as_bytes("context")).error();
  CHECK(unknown.code == Code::kRefused);
  CHECK(unknown.message ==
        "manifest is wrapped with key \"acme/2\", which the key service does not know; see 'thaw keys list'");
  for (const char* id : {"", "/", "acme", "acme/", "acme/0", "acme/01", "acme/../acme/1", "../builder/wrap-1",
                         "acme/1/", "/acme/1", "acme/1x", "acme/retiring-1"}) {
    CHECK(keys->unwrap({id, made->wrapped.wrapped}, as_bytes("context")).error().code == Code::kRefused);
  }
}

TEMPLATE_TEST_CASE("salts have a namespace that tenants' keys do not reach", "[keys]", FolderRing, SoftHsm,
                   KmsStandIn) {
  const TestType place;
  const auto keys = place.open(KeyringUse::kBuild);
  Secret salt;
  fill_random(salt.mutable_view());
  const auto wrapped = keys->wrap_salt(salt, as_bytes("store, salt"));
  REQUIRE(wrapped.ok());
  CHECK(wrapped->key_id == "builder/wrap-1");
  const auto opened = keys->unwrap_salt(wrapped.value(), as_bytes("store, salt"));
  REQUIRE(opened.ok());
  CHECK(equal_secrets(opened.value(), salt));
  CHECK(keys->unwrap_salt(wrapped.value(), as_bytes("other")).error().code == Code::kDamaged);
  CHECK(keys->unwrap(wrapped.value(), as_bytes("store, salt")).error().code == Code::kRefused);
  const auto data = keys->generate_data_key("builder", as_bytes("c"));
  REQUIRE(data.ok());
  CHECK(keys->unwrap_salt(data->wrapped, as_bytes("c")).error().code == Code::kRefused);
  CHECK(states_of(*keys) == States{"builder/1 active"});
}

TEMPLATE_TEST_CASE("a builder signs with one pair, which he trusts", "[keys]", FolderRing, SoftHsm,
                   KmsStandIn) {
  const TestType place;
  const auto keys = place.open(KeyringUse::kBuild);
  CHECK(keys->trusted()->empty());
  REQUIRE(keys->prepare_builder().ok());
  const auto made = keys->sign_message(as_bytes("message"));
  REQUIRE(made.ok());
  CHECK(keys->trusted().value() == TrustedBuilders{made->signer});
  CHECK(verify_signature(made->signer, as_bytes("message"), made->signature));
  CHECK_FALSE(verify_signature(made->signer, as_bytes("messagE"), made->signature));
  CHECK(place.open(KeyringUse::kBuild)->sign_message(as_bytes("other"))->signer == made->signer);
}

TEMPLATE_TEST_CASE("a next key wraps, the one before opens until it retires, and no number comes back",
                   "[keys]", FolderRing, SoftHsm, KmsStandIn) {
  const TestType place;
  const auto keys = place.open(KeyringUse::kBuild);
  CHECK(keys->make_next("acme").error().code == Code::kNotFound);
  const auto first = keys->generate_data_key("acme", as_bytes("c"));
  REQUIRE(first.ok());
  REQUIRE(keys->create("acme").ok());
  CHECK(states_of(*keys) == States{"acme/1 active"});
  CHECK(keys->change("acme/1", KeyState::kRetiring).error().code == Code::kRefused);

  const auto next = keys->make_next("acme");
  REQUIRE(next.ok());
  CHECK(next->id() == "acme/2");
  CHECK(next->created > 1'700'000'000);
  CHECK(keys->list()->at(0).created > 1'700'000'000);
  const auto again = keys->rewrap(first->wrapped, "acme", as_bytes("c"));
  REQUIRE(again.ok());
  CHECK(again->key_id == "acme/2");
  CHECK(equal_secrets(keys->unwrap(again.value(), as_bytes("c")).value(), first->plain));
  CHECK(equal_secrets(keys->unwrap(first->wrapped, as_bytes("c")).value(), first->plain));
  CHECK(keys->rewrap(first->wrapped, "acme", as_bytes("C")).error().code == Code::kDamaged);

  REQUIRE(keys->change("acme/1", KeyState::kRetiring).ok());
  REQUIRE(keys->change("acme/1", KeyState::kRetiring).ok());
  CHECK(states_of(*keys) == States{"acme/1 retiring", "acme/2 active"});
  CHECK(keys->unwrap(first->wrapped, as_bytes("c")).error().code == Code::kRefused);
  REQUIRE(keys->change("acme/1", KeyState::kOpensOld).ok());
  CHECK(keys->unwrap(first->wrapped, as_bytes("c")).ok());
  REQUIRE(keys->change("acme/1", KeyState::kRetired).ok());
  CHECK(states_of(*keys) == States{"acme/2 active"});
  CHECK(keys->change("acme/1", KeyState::kRetired).error().code == Code::kNotFound);
  CHECK(keys->change("../acme/1", KeyState::kRetired).error().code == Code::kNotFound);
  CHECK(keys->make_next("acme")->id() == "acme/3");
}

TEMPLATE_TEST_CASE("versions are ordered by number, tenants by name", "[keys]", FolderRing, SoftHsm,
                   KmsStandIn) {
  const TestType place;
  const auto keys = place.open(KeyringUse::kBuild);
  REQUIRE(keys->create("zeta").ok());
  REQUIRE(keys->create("acme").ok());
  for (int i = 2; i <= 10; ++i) REQUIRE(keys->make_next("acme").ok());
  const States states = states_of(*keys);
  REQUIRE(states.size() == 11);
  CHECK(states[8] == "acme/9 opens-old");
  CHECK(states[9] == "acme/10 active");
  CHECK(states[10] == "zeta/1 active");
  CHECK(keys->generate_data_key("acme", as_bytes("c"))->wrapped.key_id == "acme/10");
}

TEMPLATE_TEST_CASE("all that first uses at once have wrapped opens", "[keys]", FolderRing, SoftHsm,
                   KmsStandIn) {
  const TestType place;
  constexpr size_t kBuilders = 8;
  const auto shared = place.open(KeyringUse::kBuild);
  std::array<Result<DataKey>, kBuilders> made{Error{}, Error{}, Error{}, Error{},
                                              Error{}, Error{}, Error{}, Error{}};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kBuilders; ++i) {
    threads.emplace_back([&place, &shared, &made, i] {
      const auto own = i % 2 == 0 ? place.open(KeyringUse::kBuild) : nullptr;
      made.at(i) = (own ? *own : *shared).generate_data_key("acme", as_bytes("c"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto reader = place.open(KeyringUse::kRead);
  for (const auto& key : made) {
    INFO((key.ok() ? "" : key.error().message));
    REQUIRE(key.ok());
    const auto opened = reader->unwrap(key->wrapped, as_bytes("c"));
    REQUIRE(opened.ok());
    CHECK(equal_secrets(opened.value(), key->plain));
  }
  CHECK(states_of(*reader) == States{"acme/1 active"});
}

TEST_CASE("keys.url is told of what is wrong with it, and never repeats a PIN", "[keys]") {
  CHECK(check_keys_url("file:///etc/thaw/keys").ok());
  CHECK(check_keys_url("pkcs11:token=my%20kms?module-path=/m.so&pin-source=file:///pin").ok());
  for (const char* url :
       {"", "file:", "file://etc", "/etc/thaw/keys", "https://kms", "pkcs11:", "pkcs11:?module-path=/m.so",
        "pkcs11:token=t?module-path=m.so&pin-source=/pin", "pkcs11:token=t?module-path=/m.so",
        "pkcs11:token=t?module-path=/m.so&pin-source=file:pin", "pkcs11:token=t;token=u?module-path=/m.so",
        "pkcs11:token=t?module-path=/m.so&pin-source=/p&thaw-builder-token=b",
        "pkcs11:token=t?module-path=/m.so&pin-source=/p&thaw-builder-pin-source=/b", "pkcs11:token=%4",
        "pkcs11:token=%zz?module-path=/m.so&pin-source=/pin", "pkcs11:manufacturer=x;token=t",
        "pkcs11:token=123456789012345678901234567890123?module-path=/m.so&pin-source=/pin"}) {
    INFO(url);
    CHECK(check_keys_url(url).error().code == Code::kUsage);
    CHECK_FALSE(open_keyring(url, KeyringUse::kRead).ok());
  }
  const Error told = check_keys_url("pkcs11:token=t?module-path=/m.so&pin-value=5309").error();
  CHECK(told.message.find("pin-source") != std::string::npos);
  CHECK(told.message.find("5309") == std::string::npos);
}

}  // namespace thaw::keyring_test
