#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/config/config_json.h"
#include "daemon/config/reload_plan.h"
#include "daemon/config/settings.h"
#include "daemon/control/client.h"
#include "lib/json/json_text.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

std::string named(const ConfigReading& reading) {
  if (reading.file.empty()) return std::string("defaults; there is no ") + kDefaultConfigFile;
  return reading.file + (reading.file_by.empty() ? "" : ", named by " + reading.file_by);
}

// Every problem on a line of its own, so that one run tells them all.
Status check(Invocation& invocation) {
  THAW_ASSIGN(const ConfigReading reading, read_config_file(invocation.config_file));
  if (reading.problems.empty()) {
    invocation.print({{"ok", true}, {"problems", Json::array()}, {"file", reading.file}},
                     "the configuration is valid (" + named(reading) + ")");
    return {};
  }
  for (const std::string& problem : reading.problems)
    std::fprintf(stderr, "thaw config: %s\n", problem.c_str());
  const Json error{{"code", code_name(Code::kUsage)}, {"message", reading.problems.front()}};
  invocation.print({{"ok", false}, {"problems", reading.problems}, {"file", reading.file}, {"error", error}},
                   "");
  invocation.exit_status = exit_status(Code::kUsage);
  return {};
}

Status show_default(Invocation& invocation) {
  invocation.print(read_json(config_text(Config{})), commented_config_text(Config{}));
  return {};
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text + "  ";
}

std::string table_text(const ConfigReading& reading) {
  size_t key_width = 0;
  size_t value_width = 0;
  for (const Setting& setting : settings()) {
    key_width = std::max(key_width, setting.key.size());
    value_width = std::max(value_width, setting.write(reading.config).dump().size());
  }
  value_width = std::min<size_t>(value_width, 40);  // a long list moves its own origin only
  std::string text;
  for (const Setting& setting : settings()) {
    const auto origin = reading.origins.find(setting.key);
    text += padded(setting.key, key_width) + padded(setting.write(reading.config).dump(), value_width) +
            (origin == reading.origins.end() ? "" : origin->second) + "\n";
  }
  return text;
}

Status show(Invocation& invocation) {
  THAW_ASSIGN(const ConfigReading reading, read_config_file(invocation.config_file));
  THAW_TRY(accepted(reading));
  invocation.print(config_json(reading), "# " + named(reading) + "\n" + table_text(reading));
  return {};
}

const char* how_taken(const Setting& setting, const ReloadPlan& plan) {
  if (setting.takes == Takes::kCommand) return "commands take it";
  return std::ranges::count(plan.needs_restart, setting.key) > 0 ? "restart thawd" : "thaw reload";
}

std::string differences_text(const Config& running, const Config& wanted) {
  const ReloadPlan plan =
      plan_reload(running, wanted, {!running.flash_path.empty(), !running.zone_nodes.empty()});
  std::string text;
  for (const std::string& key : changed_keys(running, wanted)) {
    const Setting* setting = find_setting(key);
    text += "# the file says " + key + " = " + setting->write(wanted).dump() +
            " now: " + how_taken(*setting, plan) + "\n";
  }
  return text;
}

// What a daemon that runs has in effect, and where the file says something else by now.
Status show_daemon(Invocation& invocation) {
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  THAW_ASSIGN(Json answer, ControlClient(invocation.socket()).get("/v1/config"));
  THAW_ASSIGN(const ConfigReading reading, read_config_json(answer));
  answer["differs"] = changed_keys(reading.config, invocation.config);
  invocation.print(answer, "# in effect in the daemon of " + invocation.config.run_dir + "\n" +
                               table_text(reading) + differences_text(reading.config, invocation.config));
  return {};
}

}  // namespace

void add_config_commands(CLI::App& app, Invocation& invocation) {
  CLI::App* group = app.add_subcommand("config", "Check and show the configuration");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n  thaw config default >thaw.json\n  thaw config check --config thaw.json\n"
      "  thaw config show --daemon");
  group->add_subcommand("check", "Read the configuration and say all that is wrong with it")
      ->callback([&invocation] { invocation.action = check; });
  group->add_subcommand("default", "Print a configuration to start from: every key, its meaning, its default")
      ->callback([&invocation] { invocation.action = show_default; });
  CLI::App* shown = group->add_subcommand(
      "show", "Print every key with the value that a daemon or command started now takes, and its origin");
  auto of_daemon = std::make_shared<bool>(false);
  shown->add_flag("--daemon", *of_daemon, "What the running daemon has in effect, and how the file differs");
  shown->callback([&invocation, of_daemon] { invocation.action = *of_daemon ? show_daemon : show; });
}

}  // namespace thaw
