#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/config/keyring_path.h"
#include "lib/keys/keyring_directory.h"
#include "lib/manifest/image_name.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

Json describe(const std::vector<KeyDescription>& keys) {
  Json list = Json::array();
  for (const KeyDescription& key : keys) {
    for (const unsigned version : key.versions) {
      list.push_back({{"id", key.tenant + "/" + std::to_string(version)},
                      {"tenant", key.tenant},
                      {"version", version},
                      {"current", version == key.versions.back()}});
    }
  }
  return list;
}

std::string as_lines(const Json& keys) {
  std::string text;
  for (const Json& key : keys) {
    text += key.at("id").get<std::string>() + (key.at("current").get<bool>() ? "" : " (only opens)") + "\n";
  }
  return text.empty() ? "no keys yet; the first build makes one" : text;
}

Status list_keys(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(const std::string path, keyring_path(invocation.config.keys_url));
  THAW_ASSIGN(const auto keys, KeyringDirectory(path, KeyringUse::kRead).list());
  invocation.print({{"keys", describe(keys)}}, as_lines(describe(keys)));
  return {};
}

Status create(Invocation& invocation, const std::string& tenant) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_TRY(check_tenant(tenant));
  THAW_ASSIGN(const std::string path, keyring_path(invocation.config.keys_url));
  KeyringDirectory keyring(path, KeyringUse::kBuild);
  THAW_TRY(keyring.create(tenant));
  THAW_ASSIGN(auto keys, keyring.list());
  std::erase_if(keys, [&tenant](const KeyDescription& key) { return key.tenant != tenant; });
  invocation.print({{"keys", describe(keys)}}, as_lines(describe(keys)));
  return {};
}

}  // namespace

void add_key_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("keys", "The tenants' keys");
  group->require_subcommand(1);
  group->add_subcommand("list", "Which keys there are")->callback([&invocation] {
    invocation.action = list_keys;
  });
  auto tenant = std::make_shared<std::string>();
  CLI::App* make = group->add_subcommand("create", "Make a tenant's key; one that exists is left as it is");
  make->add_option("TENANT", *tenant, "Whose key")->required();
  make->callback([&invocation, tenant] {
    invocation.action = [tenant](Invocation& call) { return create(call, *tenant); };
  });
}

}  // namespace thaw
