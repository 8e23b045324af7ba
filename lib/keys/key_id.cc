#include "lib/keys/key_id.h"

#include <algorithm>
#include <array>

#include "lib/keys/key_service.h"

namespace thaw {
namespace {

constexpr size_t kMaxTenantBytes = 64;
constexpr size_t kMaxVersionDigits = 9;

bool is_tenant_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool is_tenant_key_id(std::string_view id) {
  const size_t slash = id.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash > kMaxTenantBytes) return false;
  const std::string_view tenant = id.substr(0, slash);
  const std::string_view version = id.substr(slash + 1);
  return std::ranges::all_of(tenant, is_tenant_char) && !version.empty() &&
         version.size() <= kMaxVersionDigits && version.front() != '0' &&
         std::ranges::all_of(version, is_digit);
}

bool is_key_of(std::string_view key_id, std::string_view tenant) {
  return is_tenant_key_id(key_id) && key_id.substr(0, key_id.find('/')) == tenant;
}

std::string_view key_state_name(KeyState state) {
  constexpr std::array<std::string_view, 4> kNames{"active", "opens-old", "retiring", "retired"};
  return kNames.at(static_cast<size_t>(state));
}

}  // namespace thaw
