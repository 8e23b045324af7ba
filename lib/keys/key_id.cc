#include "lib/keys/key_id.h"

#include <algorithm>
#include <array>

namespace thaw {
namespace {

constexpr size_t kMaxTenantBytes = 64;
constexpr size_t kMaxVersionDigits = 9;
constexpr size_t kShownBytes = 80;

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

bool is_builder_key_id(std::string_view id) {
  constexpr std::string_view kPrefix = "builder/wrap-";
  return id.starts_with(kPrefix) && is_tenant_key_id("builder/" + std::string(id.substr(kPrefix.size())));
}

bool is_key_of(std::string_view key_id, std::string_view tenant) {
  return is_tenant_key_id(key_id) && key_id.substr(0, key_id.find('/')) == tenant;
}

std::string_view key_state_name(KeyState state) {
  constexpr std::array<std::string_view, 4> kNames{"active", "opens-old", "retiring", "retired"};
  return kNames.at(static_cast<size_t>(state));
}

bool by_tenant_and_number(const KeyVersion& a, const KeyVersion& b) {
  return a.tenant != b.tenant ? a.tenant < b.tenant : a.number < b.number;
}

Error no_tenant(const std::string& tenant) {
  return Error{Code::kUsage, "\"" + tenant.substr(0, kShownBytes) + "\" is no tenant; use a-z, 0-9 and -"};
}

Error no_key_yet(const std::string& tenant) {
  return Error{Code::kNotFound, "tenant " + tenant + " has no key yet; see 'thaw keys create'"};
}

Error no_such_key(const std::string& key_id) {
  return Error{Code::kNotFound,
               "there is no key \"" + key_id.substr(0, kShownBytes) + "\"; see 'thaw keys list'"};
}

Error unknown_key(std::string_view what, const std::string& key_id) {
  return Error{Code::kRefused, std::string(what) + " is wrapped with key \"" + key_id.substr(0, kShownBytes) +
                                   "\", which the key service does not know; see 'thaw keys list'"};
}

Error not_authentic(const std::string& key_id) {
  return Error{Code::kDamaged,
               "a key wrapped with \"" + key_id + "\" is damaged or belongs to something else"};
}

Error still_wraps(const KeyVersion& newest) {
  return Error{Code::kRefused, "key \"" + newest.id() + "\" is the one that wraps new manifests of tenant " +
                                   newest.tenant + "; run 'thaw keys rotate " + newest.tenant + "' first"};
}

}  // namespace thaw
