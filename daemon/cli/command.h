// What the subcommands of `thaw` share: the options that stand anywhere, how results and errors are printed,
// and the exit status of each error.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/config/config.h"
#include "lib/base/result.h"

namespace thaw {

// One invocation of the program. A subcommand's callback sets `action`; main runs it when parsing is done.
struct Invocation {
  std::string config_file;
  bool json = false;
  std::function<Status(Invocation&)> action;
  int exit_status = 0;  // of an action that succeeded: `thaw run` passes the container's own
  Config config;

  // The control socket of the daemon that this configuration starts.
  std::string socket() const { return config.run_dir + "/thaw.sock"; }

  // What the daemon knows a mount by: an id as it is; a path made absolute, so that it is found whatever the
  // daemon's own folder is.
  static std::string mount_target(const std::string& target);

  // Prints `object` with --json, else `text`.
  void print(const nlohmann::json& object, const std::string& text) const;
};

// The contract's exit status of an error, and of `thaw run` when it is not the container's own.
int exit_status(Code code);
inline constexpr int kRunFailed = 125;

// One line on stderr, and with --json also an error object on stdout.
void print_error(const Invocation& invocation, const std::string& command, const Error& error);

// A percentage on a terminal's stderr; silent elsewhere and with --json. Goes away when all is done: what is
// printed then begins a line.
class ProgressBar {
 public:
  ProgressBar(const Invocation& invocation, std::string label);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Any one thread at a time.
  void show(uint64_t done, uint64_t total);

 private:
  void clear();

  const bool visible_;
  const std::string label_;
  int shown_percent_ = -1;
};

// A subcommand whose action gets `options` as they were parsed.
template <class Options>
CLI::App* add_action(CLI::App* group, Invocation& invocation, const char* name, const char* help,
                     const std::shared_ptr<Options>& options, Status (*action)(Invocation&, const Options&)) {
  CLI::App* command = group->add_subcommand(name, help);
  command->callback([&invocation, options, action] {
    invocation.action = [options, action](Invocation& call) { return action(call, *options); };
  });
  return command;
}

// --allow-rollback, of a command that opens an image by its name.
void add_rollback_flag(CLI::App& command, bool& allowed);

// --tenant, which stays empty where it is not given: then the configured one is meant.
void add_tenant(CLI::App& command, std::string& tenant);

void add_build_command(CLI::App& app, Invocation& invocation);
void add_image_commands(CLI::App& app, Invocation& invocation);
void add_check_commands(CLI::App& app, Invocation& invocation);
void add_mount_commands(CLI::App& app, Invocation& invocation);
void add_run_command(CLI::App& app, Invocation& invocation);
void add_daemon_commands(CLI::App& app, Invocation& invocation);
void add_key_commands(CLI::App& app, Invocation& invocation);
void add_explain_command(CLI::App& app, Invocation& invocation);
void add_trace_commands(CLI::App& app, Invocation& invocation);
void add_root_commands(CLI::App& app, Invocation& invocation);
// Of all images of all tenants (`thaw verify --all`).
Status verify_all(Invocation& invocation);
void add_audit_commands(CLI::App& app, Invocation& invocation);
void add_gc_command(CLI::App& app, Invocation& invocation);
void add_config_commands(CLI::App& app, Invocation& invocation);

}  // namespace thaw
