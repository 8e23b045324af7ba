#include "lib/crypto/secret.h"

#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <new>
#include <sstream>
#include <string>

namespace thaw::secret_test {
namespace {

// The flags (proc(5), VmFlags) of the mapping that holds `address`.
std::string flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    char dash = 0;
    if (std::istringstream(line) >> std::hex >> begin >> dash >> end && dash == '-')
      inside = begin <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return {};
}

}  // namespace

TEST_CASE("a table of keys is locked and left out of core files", "[crypto]") {
  const auto table = KeyTable::create(100);
  REQUIRE(table.ok());
  const std::string flags = flags_of(table->key(99).data());
  INFO(flags);
  CHECK(flags.find(" dd ") != std::string::npos);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The sanitizers make mlock() do nothing.
  rlimit locked{};
  REQUIRE(::getrlimit(RLIMIT_MEMLOCK, &locked) == 0);
  if (locked.rlim_cur >= 64 * 1024) CHECK(flags.find(" lo ") != std::string::npos);
#endif
  const Bytes elsewhere(16 * 1024);
  CHECK(flags_of(elsewhere.data()).find(" dd ") == std::string::npos);
}

TEST_CASE("a secret leaves nothing behind", "[crypto]") {
  alignas(Secret) std::array<uint8_t, sizeof(Secret)> memory{};
  auto* const secret = new (memory.data()) Secret;
  std::ranges::fill(secret->mutable_view(), uint8_t{0x5a});
  CHECK(std::ranges::count(memory, 0x5a) == kKeyBytes);
  secret->~Secret();
  CHECK(std::ranges::count(memory, 0x5a) == 0);
}

}  // namespace thaw::secret_test
