// What registries and references say in small grammars: the first byte chooses one.
#include "lib/base/base64.h"
#include "lib/oci/auth_challenge.h"
#include "lib/oci/registry_reference.h"
#include "lib/oci/web_address.h"

namespace {

// What would end a line of a request may stand in none of its parts.
void check(const std::string& part) {
  if (part.find_first_of(std::string_view("\r\n \0", 4)) != std::string::npos) __builtin_trap();
}

void read_reference(std::string_view text) {
  const auto reference = thaw::parse_registry_reference(text);
  if (reference.ok()) check(reference->server() + reference->repository + reference->target());
}

void read_address(std::string_view text) {
  const auto address = thaw::parse_web_address(text);
  if (!address) return;
  check(address->text());
  const auto again = thaw::parse_web_address(address->text());
  if (!again || again->text() != address->text()) __builtin_trap();
}

void read_base64(std::string_view text) {
  const auto bytes = thaw::from_base64(text);
  if (bytes && thaw::from_base64(thaw::to_base64(thaw::as_bytes(*bytes))) != bytes) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      thaw::parse_challenges(text);
      break;
    case 1:
      read_reference(text);
      break;
    case 2:
      read_address(text);
      break;
    default:
      read_base64(text);
  }
  return 0;
}
