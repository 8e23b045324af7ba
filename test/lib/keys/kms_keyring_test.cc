#include "lib/keys/kms_keyring.h"

#include <array>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "lib/keys/kms_place.h"
#include "test/lib/keys/kms_stand_in.h"

namespace thaw::kms_keyring_test {
namespace {

using nlohmann::json;

constexpr const char* kContext = "store, tenant, manifest";

// States of all keys that were ever made, with the days of those that go: "Enabled", "PendingDeletion 30".
std::multiset<std::string> key_states(const KmsStandIn& kms) {
  std::multiset<std::string> states;
  const json state = json::parse(kms.read("state.json"));
  for (const json& key : state["keys"]) {
    const int days = key.value("days", 0);
    states.insert(key["state"].get<std::string>() + (days == 0 ? "" : " " + std::to_string(days)));
  }
  return states;
}

using States = std::multiset<std::string>;

void add_fault(const KmsStandIn& kms, const json& fault) {
  kms.write("faults.json", json::array({fault}).dump());
}

// A data key that a builder made, and whatever asks for it.
struct WrappedOnce {
  KmsStandIn kms;
  WrappedKey wrapped;

  WrappedOnce() {
    const auto made = kms.open(KeyringUse::kBuild)->generate_data_key("acme", as_bytes(kContext));
    REQUIRE(made.ok());
    wrapped = made->wrapped;
  }
  Result<Secret> unwrap_by(Keyring& keys) const { return keys.unwrap(wrapped, as_bytes(kContext)); }
  Error error_of(Keyring& keys) const {
    auto opened = unwrap_by(keys);
    REQUIRE_FALSE(opened.ok());
    return opened.error();
  }
};

}  // namespace

TEST_CASE("a worker needs leave to decrypt, and nothing else", "[keys]") {
  const WrappedOnce made;
  made.kms.write("credentials.json", R"({"READER": {"secret": "r", "token": "t=", "allow": ["Decrypt"]}})");
  const auto reader = made.kms.open(KeyringUse::kRead);
  CHECK(made.unwrap_by(*reader).ok());
  CHECK(made.kms.count("Decrypt READER done") == 1);
  CHECK(made.kms.count("Decrypt READER") == 1);
  CHECK(reader->trusted()->empty());
  CHECK(reader->wrap_salt(Secret(), {}).error().message.find("builder-keys=") != std::string::npos);

  const Error refused = reader->list().error();
  CHECK(refused.code == Code::kRefused);
  CHECK(refused.message.find("READER is not authorized to perform: kms:ListAliases") != std::string::npos);
}

TEST_CASE("nothing but KMS sees a data key when it is wrapped anew", "[keys]") {
  const WrappedOnce made;
  const auto keys = made.kms.open(KeyringUse::kBuild);
  REQUIRE(keys->make_next("acme").ok());
  const auto again = keys->rewrap(made.wrapped, "acme", as_bytes(kContext));
  REQUIRE(again.ok());
  CHECK(again->key_id == "acme/2");
  CHECK(made.kms.count("Decrypt") == 0);
  CHECK(made.kms.count("ReEncrypt BUILDER done") == 1);
}

TEST_CASE("what passes is tried again, for a while", "[keys]") {
  const WrappedOnce made;
  const auto reader = made.kms.open_with(made.kms.worker_url(), {});
  const json fault = GENERATE(json{{"type", "ThrottlingException"}, {"status", 400}},
                              json{{"type", "KMSInternalException"}, {"status", 500}}, json{{"status", 503}},
                              json{{"lose", true}});
  json twice = fault;
  twice["operation"] = "Decrypt";
  twice["times"] = 2;
  add_fault(made.kms, twice);
  INFO(fault.dump());
  CHECK(made.unwrap_by(*reader).ok());
  CHECK(made.kms.count("Decrypt READER") == 3);
}

TEST_CASE("what does not pass is an error that says why", "[keys]") {
  const WrappedOnce made;
  KmsLimits limits;
  limits.patience = std::chrono::milliseconds(30);
  const auto reader = made.kms.open_with(made.kms.worker_url(), limits);
  struct Case {
    json fault;
    Code code;
    const char* text;
  };
  const std::vector<Case> cases{
      {{{"type", "ThrottlingException"}}, Code::kUnreachable, "Decrypt now (ThrottlingException"},
      {{{"status", 502}}, Code::kUnreachable, "HTTP status 502"},
      {{{"type", "InvalidSignatureException"}, {"message", "Signature expired: 2015 is"}},
       Code::kRefused,
       "set its clock"},
      {{{"type", "UnrecognizedClientException"}}, Code::kRefused, "check the credentials"},
      {{{"type", "DisabledException"}}, Code::kRefused, "enable it there"},
      {{{"type", "KMSInvalidStateException"}}, Code::kRefused, "alias/team/thaw/acme/1"},
      {{{"type", "NotFoundException"}}, Code::kRefused, "does not know"},
      {{{"type", "InvalidCiphertextException"}}, Code::kDamaged, "damaged or belongs to something else"},
      {{{"type", "ValidationException"}}, Code::kFailed, "ValidationException: as the test wants it"}};
  for (Case one : cases) {
    one.fault["operation"] = "Decrypt";
    one.fault["times"] = 1'000'000;
    add_fault(made.kms, one.fault);
    const Error error = made.error_of(*reader);
    INFO(error.message);
    CHECK(error.code == one.code);
    CHECK(error.message.find(one.text) != std::string::npos);
    CHECK(error.message.find('\n') == std::string::npos);
  }
}

TEST_CASE("a service that is away or silent is unreachable, and used when it comes back", "[keys]") {
  WrappedOnce made;
  KmsLimits limits;
  limits.patience = std::chrono::milliseconds(30);
  const auto keys = made.kms.open_with(made.kms.builder_url(), limits);
  CHECK(made.unwrap_by(*keys).ok());
  made.kms.stop();
  CHECK(made.error_of(*keys).code == Code::kUnreachable);
  CHECK(made.error_of(*keys).message.find("AWS KMS") == 0);
  CHECK(keys->generate_data_key("acme", {}).error().code == Code::kUnreachable);
  CHECK(keys->list().error().code == Code::kUnreachable);
  CHECK(keys->sign_message(as_bytes("m")).ok());
  made.kms.start();
  CHECK(made.unwrap_by(*keys).ok());

  limits.attempt = std::chrono::milliseconds(50);
  const auto hasty = made.kms.open_with(made.kms.builder_url(), limits);
  add_fault(made.kms, {{"operation", "Decrypt"}, {"times", 100}, {"hang", 5}});
  CHECK(made.error_of(*hasty).code == Code::kUnreachable);
}

TEST_CASE("credentials that were rotated are taken when the old ones are refused", "[keys]") {
  const WrappedOnce made;
  const auto keys = made.kms.open(KeyringUse::kBuild);
  CHECK(made.unwrap_by(*keys).ok());
  made.kms.write("credentials.json", R"({"BUILDER": {"secret": "other"}})");
  const Error refused = made.error_of(*keys);
  CHECK(refused.code == Code::kRefused);
  CHECK(refused.message.find("other") == std::string::npos);
  CHECK(refused.message.find("b/1+") == std::string::npos);
  made.kms.write("builder", "[default]\naws_access_key_id=BUILDER\naws_secret_access_key=other\n");
  // They are read at most five times a second.
  KmsLimits limits;
  const auto other = made.kms.open_with(made.kms.builder_url(), limits);
  CHECK(made.unwrap_by(*other).ok());
  made.kms.write("credentials.json", R"({"BUILDER": {"secret": "third", "token": "new"}})");
  made.kms.write(
      "builder",
      "[default]\naws_access_key_id=BUILDER\naws_secret_access_key=third\naws_session_token=new\n");
  CHECK(made.unwrap_by(*other).ok());

  std::filesystem::remove(made.kms.folder / "builder");
  const auto none = made.kms.open(KeyringUse::kBuild);
  CHECK(made.error_of(*none).code == Code::kRefused);
  CHECK(made.error_of(*none).message.find("no credentials; looked for " + made.kms.folder / "builder") !=
        std::string::npos);
}

TEST_CASE("a lost answer makes no second key", "[keys]") {
  const KmsStandIn kms;
  const auto keys = kms.open_with(kms.builder_url(), {});
  add_fault(kms, {{"operation", "CreateAlias"}, {"times", 1}, {"lose", true}});
  REQUIRE(keys->create("acme").ok());
  CHECK(kms.count("CreateAlias BUILDER AlreadyExistsException") == 1);
  CHECK(key_states(kms) == States{"Enabled"});
}

TEST_CASE("of keys that are made at once one stays", "[keys]") {
  const KmsStandIn kms;
  // All of them have a key when the first alias is given.
  add_fault(kms, {{"operation", "CreateAlias"}, {"times", 3}, {"hang", 0.3}});
  std::vector<std::thread> threads;
  std::array<Status, 3> made;
  for (Status& status : made) {
    threads.emplace_back([&kms, &status] { status = kms.open(KeyringUse::kBuild)->create("acme"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Status& status : made) CHECK(status.ok());
  CHECK(key_states(kms) == States{"Enabled", "PendingDeletion 7", "PendingDeletion 7"});
  CHECK(kms.open(KeyringUse::kBuild)->list()->size() == 1);
}

TEST_CASE("a key whose alias is refused does not stay", "[keys]") {
  const KmsStandIn kms;
  kms.write(
      "credentials.json",
      R"({"BUILDER": {"secret": "b/1+", "allow": ["ListAliases", "CreateKey", "ScheduleKeyDeletion"]}})");
  CHECK(kms.open(KeyringUse::kBuild)->create("acme").error().code == Code::kRefused);
  CHECK(key_states(kms) == States{"PendingDeletion 7"});
}

TEST_CASE("what was just made may be unknown for a moment", "[keys]") {
  const KmsStandIn kms;
  const auto keys = kms.open_with(kms.builder_url(), {});
  kms.write("faults.json",
            json::array({{{"operation", "CreateAlias"}, {"times", 2}, {"type", "NotFoundException"}},
                         {{"operation", "DescribeKey"}, {"times", 2}, {"type", "NotFoundException"}}})
                .dump());
  CHECK(keys->generate_data_key("acme", as_bytes("c")).ok());
  CHECK(key_states(kms) == States{"Enabled"});
}

TEST_CASE("a retired key can be brought back for 30 days", "[keys]") {
  const WrappedOnce made;
  const auto keys = made.kms.open(KeyringUse::kBuild);
  REQUIRE(keys->make_next("acme").ok());
  REQUIRE(keys->change("acme/1", KeyState::kRetiring).ok());
  CHECK(key_states(made.kms) == States{"Disabled", "Enabled"});
  CHECK(made.error_of(*keys).message.find("DisabledException") != std::string::npos);
  REQUIRE(keys->change("acme/1", KeyState::kRetired).ok());
  CHECK(key_states(made.kms) == States{"Enabled", "PendingDeletion 30"});
  CHECK(made.error_of(*keys).message.find("cancel its deletion") != std::string::npos);
  CHECK(keys->list()->size() == 1);
}

TEST_CASE("a newest key that is no more is not asked for twice", "[keys]") {
  const WrappedOnce made;
  const auto builder = made.kms.open(KeyringUse::kBuild);
  CHECK(builder->generate_data_key("acme", as_bytes("c"))->wrapped.key_id == "acme/1");
  const int lists = made.kms.count("ListAliases");
  CHECK(builder->generate_data_key("acme", as_bytes("c"))->wrapped.key_id == "acme/1");
  CHECK(made.kms.count("ListAliases") == lists);

  const auto person = made.kms.open(KeyringUse::kBuild);
  REQUIRE(person->make_next("acme").ok());
  REQUIRE(person->change("acme/1", KeyState::kRetiring).ok());
  CHECK(builder->generate_data_key("acme", as_bytes("c"))->wrapped.key_id == "acme/2");
}

TEST_CASE("a newest key that somebody has disabled is not replaced by an older one", "[keys]") {
  const WrappedOnce made;
  const auto keys = made.kms.open(KeyringUse::kBuild);
  REQUIRE(keys->make_next("acme").ok());
  add_fault(made.kms, {{"operation", "GenerateDataKey"}, {"times", 9}, {"type", "DisabledException"}});
  const auto refused = keys->generate_data_key("acme", as_bytes("c"));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == Code::kRefused);
  CHECK(refused.error().message.find("alias/team/thaw/acme/2") != std::string::npos);
}

TEST_CASE("other aliases of the account are none of Thaw's", "[keys]") {
  const KmsStandIn kms;
  const auto keys = kms.open(KeyringUse::kBuild);
  REQUIRE(keys->create("acme").ok());
  const std::string wider = kms.builder_url();
  const auto outer = kms.open_with(std::string(wider).replace(wider.find("team/thaw"), 9, "team"), {});
  REQUIRE(outer->create("thaw").ok());
  CHECK(outer->list()->size() == 1);
  CHECK(keys->list()->size() == 1);
}

TEST_CASE("an aws-kms: URL says which keys, where, and whose", "[keys]") {
  const auto place =
      KmsPlace::parse("aws-kms:team/thaw?region=eu-west-1&credentials=file:///etc/c&profile=p");
  REQUIRE(place.ok());
  CHECK(place->prefix == "team/thaw");
  CHECK(place->endpoint.url() == "https://kms.eu-west-1.amazonaws.com");
  CHECK(place->credentials.file == "/etc/c");
  CHECK(place->credentials.profile == "p");
  CHECK(place->builder_folder.empty());
  CHECK(KmsPlace::parse("aws-kms:t?region=r&endpoint=http://localhost:1&builder-keys=file:///b").ok());
  for (const char* url :
       {"aws-kms:", "aws-kms:thaw", "aws-kms:?region=r", "aws-kms:/t?region=r", "aws-kms:t/?region=r",
        "aws-kms:a//b?region=r", "aws-kms:aws/t?region=r", "aws-kms:t t?region=r", "aws-kms:t?region=../r",
        "aws-kms:t?region=r&region=s", "aws-kms:t?region=r&endpoint=kms", "aws-kms:t?region=r&key=1",
        "aws-kms:t?region=r&endpoint=http://kms.example",
        "aws-kms:t?region=r&endpoint=http://127.0.0.1.example", "aws-kms:t?region=r&credentials=c",
        "aws-kms:t?region=r&builder-keys=b", "aws-kms:t?region=r&ca-file=f"}) {
    INFO(url);
    CHECK(check_keys_url(url).error().code == Code::kUsage);
    CHECK_FALSE(open_keyring(url, KeyringUse::kRead).ok());
  }
}

}  // namespace thaw::kms_keyring_test
