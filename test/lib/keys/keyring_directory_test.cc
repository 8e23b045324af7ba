#include "lib/keys/keyring_directory.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "lib/base/file.h"
#include "lib/base/hex.h"
#include "lib/crypto/random.h"
#include "lib/keys/key_file.h"
#include "test/temporary_folder.h"

namespace thaw::keyring_directory_test {
namespace {

bool same(const Secret& a, const Secret& b) {
  return std::equal(a.view().begin(), a.view().end(), b.view().begin());
}

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::lstat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

void write_key(const std::string& path, const std::string& text, unsigned mode) {
  REQUIRE(replace_file(path, as_bytes(text), mode).ok());
}

std::vector<std::string> ids_of(const std::vector<KeyVersion>& keys) {
  std::vector<std::string> ids;
  for (const KeyVersion& key : keys) ids.push_back(key.id() + " " + std::string(key_state_name(key.state)));
  return ids;
}

std::string key_text(char digit) {
  std::string text(64, digit);
  text.push_back('\n');
  return text;
}

}  // namespace

TEST_CASE("a builder that is killed while it makes a key leaves no part of one", "[keys]") {
  const TemporaryFolder folder;
  const std::string path = folder / "keys";
  const pid_t child = ::fork();
  if (child == 0) {
    // The kernel kills it at its first write.
    const rlimit nothing{0, 0};
    ::setrlimit(RLIMIT_CORE, &nothing);
    ::setrlimit(RLIMIT_FSIZE, &nothing);
    (void)make_secret_file(path + "/key", Secret::from(Bytes(kKeyBytes, 7)));
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGXFSZ);
  CHECK(std::filesystem::exists(path));
  CHECK(std::filesystem::is_empty(path));
  REQUIRE(make_secret_file(path + "/key", Secret::from(Bytes(kKeyBytes, 7))).ok());
  CHECK(std::distance(std::filesystem::directory_iterator(path), {}) == 1);
  CHECK(mode_of(path + "/key") == 0600);
}

TEST_CASE("a builder makes what is missing and a reader only uses it", "[keys]") {
  const TemporaryFolder folder;
  const std::string path = folder / "keys";
  KeyringDirectory builder(path, KeyringUse::kBuild);
  KeyringDirectory reader(path, KeyringUse::kRead);

  CHECK(reader.generate_data_key("acme", as_bytes("c")).error().code == Code::kRefused);
  CHECK(reader.sign_message(as_bytes("m")).error().code == Code::kRefused);
  CHECK(reader.create("acme").error().code == Code::kRefused);
  CHECK_FALSE(std::filesystem::exists(path));

  const auto made = builder.generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  CHECK(made->wrapped.key_id == "acme/1");
  CHECK(mode_of(path) == 0700);
  CHECK(mode_of(path + "/tenants/acme/1") == 0600);
  const auto opened = reader.unwrap(made->wrapped, as_bytes("c"));
  REQUIRE(opened.ok());
  CHECK(same(opened.value(), made->plain));
  const auto second = builder.generate_data_key("acme", as_bytes("c"));
  REQUIRE(second.ok());
  CHECK_FALSE(same(second->plain, made->plain));
}

TEST_CASE("the first signature makes a pair and trusts it; trust taken away stays away", "[keys]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  CHECK(keys.trusted()->empty());
  const auto made = keys.sign_message(as_bytes("message"));
  REQUIRE(made.ok());
  CHECK(keys.trusted().value() == TrustedBuilders{made->signer});
  CHECK(verify_signature(made->signer, as_bytes("message"), made->signature));
  CHECK_FALSE(verify_signature(made->signer, as_bytes("messagE"), made->signature));

  std::filesystem::remove(folder / "keys/trusted/" + to_hex(made->signer));
  const auto again = keys.sign_message(as_bytes("message"));
  REQUIRE(again.ok());
  CHECK(again->signer == made->signer);
  CHECK(keys.trusted()->empty());
}

TEST_CASE("keys that others can read, and files that are no keys, are refused", "[keys]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  const auto made = keys.generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  const std::string file = folder / "keys/tenants/acme/1";
  for (const unsigned mode : {0640U, 0604U, 0660U, 0644U, 0610U}) {
    REQUIRE(::chmod(file.c_str(), mode) == 0);
    CHECK(keys.unwrap(made->wrapped, as_bytes("c")).error().code == Code::kRefused);
    CHECK(keys.generate_data_key("acme", as_bytes("c")).error().code == Code::kRefused);
  }
  std::vector<std::string> texts(5, std::string(64, 'a'));
  texts[0].clear();
  texts[2] += "x";
  texts[3] += "\n\n";
  texts[4].replace(0, 1, "G").append("\n");
  for (const std::string& text : texts) {
    write_key(file, text, 0600);
    CHECK(keys.unwrap(made->wrapped, as_bytes("c")).error().code == Code::kDamaged);
  }
  std::filesystem::remove(file);
  std::filesystem::create_symlink(folder / "elsewhere", file);
  CHECK_FALSE(keys.unwrap(made->wrapped, as_bytes("c")).ok());
}

TEST_CASE("a new version wraps, the old one still unwraps, and list shows both", "[keys]") {
  const TemporaryFolder folder;
  KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
  CHECK(keys.list()->empty());
  REQUIRE(keys.create("acme").ok());
  const auto old = keys.generate_data_key("acme", as_bytes("c"));
  REQUIRE(keys.create("acme").ok());
  CHECK(ids_of(keys.list().value()) == std::vector<std::string>{"acme/1 active"});

  write_key(folder / "keys/tenants/acme/10", key_text('b'), 0600);
  write_key(folder / "keys/tenants/acme/9", key_text('c'), 0600);
  REQUIRE(keys.create("zeta").ok());
  const auto listed = keys.list();
  CHECK(ids_of(listed.value()) ==
        std::vector<std::string>{"acme/1 opens-old", "acme/9 opens-old", "acme/10 active", "zeta/1 active"});
  CHECK(keys.generate_data_key("acme", as_bytes("c"))->wrapped.key_id == "acme/10");
  CHECK(same(keys.unwrap(old->wrapped, as_bytes("c")).value(), old->plain));

  for (const char* tenant : {"", "a/b", "..", "A", "a b"}) {
    CHECK(keys.create(tenant).error().code == Code::kUsage);
    CHECK(keys.generate_data_key(tenant, {}).error().code == Code::kUsage);
  }
}

TEST_CASE("list tells which keys cannot be used", "[keys]") {
  const TemporaryFolder folder;
  const std::string tenant = folder / "keys/tenants/acme/";
  const KeyringDirectory keyring(folder / "keys", KeyringUse::kBuild);
  REQUIRE(make_folders(tenant, 0700).ok());
  write_key(tenant + "1", "no key", 0600);
  write_key(tenant + "2", key_text('a'), 0644);
  write_key(tenant + "3", key_text('b'), 0600);

  const auto keys = keyring.list();
  REQUIRE(keys.ok());
  REQUIRE(keys->size() == 3);
  CHECK(keys->at(0).problem.find("restore it from a backup") != std::string::npos);
  CHECK(keys->at(1).problem.find("chmod 600") != std::string::npos);
  CHECK(keys->at(2).problem.empty());
}

TEST_CASE("first uses at once agree on one key and leave no other file", "[keys]") {
  const TemporaryFolder folder;
  constexpr size_t kBuilders = 8;
  std::array<Result<DataKey>, kBuilders> made{Error{}, Error{}, Error{}, Error{},
                                              Error{}, Error{}, Error{}, Error{}};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kBuilders; ++i) {
    threads.emplace_back([&folder, &made, i] {
      KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
      made.at(i) = keys.generate_data_key("acme", as_bytes("c"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  KeyringDirectory reader(folder / "keys", KeyringUse::kRead);
  for (const auto& key : made) {
    REQUIRE(key.ok());
    CHECK(same(reader.unwrap(key->wrapped, as_bytes("c")).value(), key->plain));
  }
  size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder / "keys/tenants/acme"))
    ++files;
  CHECK(files == 1);
}

TEST_CASE("first signatures at once trust one key, the one that signs", "[keys]") {
  const TemporaryFolder folder;
  constexpr size_t kBuilders = 8;
  std::vector<std::optional<Result<Signed>>> made(kBuilders);
  std::vector<std::thread> threads;
  std::atomic<bool> over = false;
  // Meets keys that are trusted for a moment, of builders that are not the first.
  std::thread watcher([&folder, &over] {
    const KeyringDirectory keys(folder / "keys", KeyringUse::kRead);
    size_t failed = 0;
    while (!over) failed += keys.trusted().ok() ? 0 : 1;
    CHECK(failed == 0);
  });
  for (size_t i = 0; i < kBuilders; ++i) {
    threads.emplace_back([&folder, &made, i] {
      KeyringDirectory keys(folder / "keys", KeyringUse::kBuild);
      made.at(i) = keys.sign_message(as_bytes("m"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  watcher.join();
  const auto trusted = KeyringDirectory(folder / "keys", KeyringUse::kRead).trusted();
  REQUIRE(trusted.ok());
  CHECK(trusted->size() == 1);
  for (const auto& message : made) {
    REQUIRE((message && message->ok()));
    CHECK(trusted->contains(message->value().signer));
  }
}

}  // namespace thaw::keyring_directory_test
