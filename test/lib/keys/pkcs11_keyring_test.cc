#include "lib/keys/pkcs11_keyring.h"

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <thread>

#include "test/lib/keys/soft_hsm.h"

#ifdef __SANITIZE_ADDRESS__
// SoftHSM itself leaks a few bytes with every signature of Ed25519. What stands below OpenSSL on the stack is
// seen only by the slow unwinder.
extern "C" const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }
extern "C" const char* __lsan_default_suppressions() { return "leak:libsofthsm2.so"; }
#endif

namespace thaw::pkcs11_keyring_test {
namespace {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 512> some{};
  while (const size_t got = std::fread(some.data(), 1, some.size(), pipe)) text.append(some.data(), got);
  CHECK(::pclose(pipe) == 0);
  return text;
}

std::string objects_of(const std::string& token, const std::string& pin) {
  std::string command = "pkcs11-tool -O --login --module ";
  command.append(SoftHsm::kModule).append(" --token-label ").append(token).append(" --pin ").append(pin);
  return output_of(command + " 2>/dev/null");
}

}  // namespace

TEST_CASE("keys stay in their token, each kind in its own", "[keys]") {
  const SoftHsm hsm;
  const auto keys = hsm.open(KeyringUse::kBuild);
  REQUIRE(keys->create("acme").ok());
  REQUIRE(keys->prepare_builder().ok());
  REQUIRE(keys->wrap_salt(Secret(), as_bytes("c")).ok());
  const std::string tenants = objects_of("kms", "1234");
  CHECK(tenants.find("thaw/tenants/acme/1") != std::string::npos);
  CHECK(tenants.find("sensitive, always sensitive, never extractable") != std::string::npos);
  CHECK(tenants.find("builder") == std::string::npos);
  const std::string builders = objects_of("makers", "567890");
  CHECK(builders.find("thaw/builder/wrap-1") != std::string::npos);
  CHECK(builders.find("thaw/builder/sign-1") != std::string::npos);
  CHECK(builders.find("tenants") == std::string::npos);

  // A worker has no way to them, and trusts whom its configuration names.
  const auto reader = hsm.open(KeyringUse::kRead);
  const auto salt = keys->wrap_salt(Secret(), as_bytes("c"));
  CHECK(reader->unwrap_salt(salt.value(), as_bytes("c")).error().code == Code::kRefused);
  CHECK(reader->trusted()->empty());
}

TEST_CASE("a wrong PIN is tried once, until its file changes", "[keys]") {
  const SoftHsm hsm;
  const auto made = hsm.open(KeyringUse::kBuild)->generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  const auto reader = hsm.open(KeyringUse::kRead);
  hsm.write_pin("kms", "4321\n");
  for (int i = 0; i < 20; ++i) {
    const Error refused = reader->unwrap(made->wrapped, as_bytes("c")).error();
    CHECK(refused.code == Code::kRefused);
    CHECK(refused.message.find("kms.pin is wrong") != std::string::npos);
    CHECK(refused.message.find("4321") == std::string::npos);
  }
  for (const unsigned mode : {0640U, 0604U, 0644U}) {
    hsm.write_pin("kms", "1234\n", mode);
    CHECK(reader->unwrap(made->wrapped, as_bytes("c")).error().message.find("chmod 600") !=
          std::string::npos);
  }
  for (const char* text : {"", "\n", "12\n34\n"}) {
    hsm.write_pin("kms", text);
    CHECK(reader->unwrap(made->wrapped, as_bytes("c")).error().code == Code::kRefused);
  }
  hsm.write_pin("kms", "1234");
  CHECK(reader->unwrap(made->wrapped, as_bytes("c")).ok());
}

TEST_CASE("a token or module that is away is unreachable, and used when it comes back", "[keys]") {
  const SoftHsm hsm;
  const auto keys = hsm.open(KeyringUse::kBuild);
  const auto made = keys->generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  hsm.take_away();
  const Error away = keys->unwrap(made->wrapped, as_bytes("c")).error();
  CHECK(away.code == Code::kUnreachable);
  CHECK(away.message.find("PKCS#11") != std::string::npos);
  CHECK(keys->generate_data_key("acme", as_bytes("c")).error().code == Code::kUnreachable);
  CHECK(keys->list().error().code == Code::kUnreachable);
  CHECK(keys->sign_message(as_bytes("m")).error().code == Code::kUnreachable);
  hsm.bring_back();
  CHECK(keys->unwrap(made->wrapped, as_bytes("c")).ok());
  CHECK(keys->sign_message(as_bytes("m")).ok());

  std::string url = "pkcs11:token=kms?module-path=/no/module.so&pin-source=";
  url += hsm.folder / "kms.pin";
  const auto gone = open_keyring(url, KeyringUse::kRead);
  REQUIRE(gone.ok());
  const Error error = gone.value()->unwrap(made->wrapped, as_bytes("c")).error();
  CHECK(error.code == Code::kUnreachable);
  CHECK(error.message.find("/no/module.so") != std::string::npos);
}

TEST_CASE("many threads share few sessions", "[keys]") {
  const SoftHsm hsm;
  const auto keys = hsm.open(KeyringUse::kBuild);
  const auto made = keys->generate_data_key("acme", as_bytes("c"));
  REQUIRE(made.ok());
  std::atomic<int> opened{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 20; ++n) opened += keys->unwrap(made->wrapped, as_bytes("c")).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(opened == 240);
}

}  // namespace thaw::pkcs11_keyring_test
