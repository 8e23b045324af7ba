#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"

namespace thaw {
namespace {

Status check(Invocation& invocation) {
  THAW_ASSIGN(const Config config, load_config(invocation.config_file));
  invocation.print({{"ok", true}}, "the configuration is valid");
  return {};
}

Status show_default(Invocation& invocation) {
  invocation.print(nlohmann::json::parse(config_text(Config{})), config_text(Config{}));
  return {};
}

Status show(Invocation& invocation) {
  THAW_ASSIGN(const Config config, load_config(invocation.config_file));
  invocation.print(nlohmann::json::parse(config_text(config)), config_text(config));
  return {};
}

}  // namespace

void add_config_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("config", "Check and show the configuration");
  group->require_subcommand(1);
  group->add_subcommand("check", "Read the configuration and say what is wrong with it")
      ->callback([&invocation] { invocation.action = check; });
  group->add_subcommand("default", "Print every key with its default")->callback([&invocation] {
    invocation.action = show_default;
  });
  group->add_subcommand("show", "Print every key with the value that is in force")->callback([&invocation] {
    invocation.action = show;
  });
}

}  // namespace thaw
