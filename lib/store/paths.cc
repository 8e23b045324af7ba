#include "lib/store/paths.h"

#include <algorithm>

#include "lib/manifest/image_name.h"

namespace thaw {
namespace {

constexpr size_t kMaxKeyBytes = 1024;
constexpr size_t kMaxComponentBytes = 255;

bool is_key_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '~' || c == '-';
}

bool is_component(std::string_view part) {
  return !part.empty() && part.size() <= kMaxComponentBytes && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), is_key_char);
}

}  // namespace

std::string root_folder(const RootId& root) { return std::string(kRootsFolder) + root + "/"; }
RootId root_of_key(std::string_view key) {
  if (!key.starts_with(kRootsFolder)) return {};
  key.remove_prefix(kRootsFolder.size());
  return RootId(key.substr(0, key.find('/')));
}

std::string salt_key(const Identifier& salt_id) { return "salts/" + salt_id.hex(); }
std::string root_key(const RootId& root) { return root_folder(root) + "root.json"; }
std::string chunk_folder(const RootId& root) { return root_folder(root) + "chunks/"; }
std::string manifest_folder(const RootId& root) { return root_folder(root) + "manifests/"; }

std::string manifest_key(const RootId& root, const Digest& digest) {
  return manifest_folder(root) + digest.hex();
}
std::string envelope_folder(const RootId& root) { return root_folder(root) + "envelopes/"; }

std::string envelope_key(const RootId& root, const Digest& digest) {
  return envelope_folder(root) + digest.hex();
}
std::string trace_key(const RootId& root, const Digest& digest) {
  return root_folder(root) + "traces/" + digest.hex();
}
std::string path_order_key(const RootId& root, const Digest& digest) {
  return root_folder(root) + "orders/" + digest.hex();
}

std::string chunk_key(const RootId& root, const ChunkId& id) {
  const std::string hex = id.hex();
  return chunk_folder(root) + hex.substr(0, 2) + "/" + hex;
}

std::string images_folder(std::string_view tenant) { return "tenants/" + std::string(tenant) + "/images/"; }

std::string tenant_salt_key(std::string_view tenant) {
  return "tenants/" + std::string(tenant) + "/salt.json";
}

std::string name_key(std::string_view tenant, std::string_view name, std::string_view tag) {
  std::string folder(name);
  std::replace(folder.begin(), folder.end(), '/', '~');
  return images_folder(tenant) + folder + "/" + std::string(tag);
}

std::optional<NameAndTag> parse_name_key(std::string_view tenant, std::string_view key) {
  const std::string folder = images_folder(tenant);
  if (!key.starts_with(folder)) return std::nullopt;
  const std::string_view rest = key.substr(folder.size());
  const size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  NameAndTag found{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
  std::replace(found.name.begin(), found.name.end(), '~', '/');
  if (!check_name(found.name).ok() || !check_tag(found.tag).ok()) return std::nullopt;
  return found;
}

std::string tenant_of_key(std::string_view key) {
  if (!key.starts_with(kTenantsFolder)) return {};
  key.remove_prefix(kTenantsFolder.size());
  const std::string tenant(key.substr(0, key.find('/')));
  return check_tenant(tenant).ok() ? tenant : std::string();
}

std::string lease_key(const Identifier& holder) { return std::string(kLeaseFolder) + holder.hex(); }
std::string alarm_folder(const RootId& root) { return "alarms/" + root + "/"; }
std::string alarm_key(const RootId& root, const Identifier& holder) {
  return alarm_folder(root) + holder.hex();
}

bool is_object_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKeyBytes || key.front() == '.') return false;
  for (;;) {
    const size_t slash = key.find('/');
    if (!is_component(key.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
}

}  // namespace thaw
