// thaw: client and builder. docs/operating.md describes the commands.
#include <cerrno>
#include <cstdio>
#include <exception>

#include "daemon/cli/command.h"
#include "daemon/config_option.h"
#include "lib/base/file.h"

namespace thaw {
namespace {

constexpr int kUsageStatus = 2;
constexpr const char* kRunCommand = "thaw run";

constexpr const char* kExamples = R"(Examples:
  thaw build oci:./web web:7        store an OCI image
  thaw mount web:7 /mnt/web         show it as a filesystem, read as it is used
  thaw run web:7 -- /bin/sh         start a container on it
  thaw ps                           what is mounted and what was fetched
Every command explains itself with --help.)";

void add_commands(CLI::App& app, Invocation& invocation) {
  add_build_command(app, invocation);
  add_image_commands(app, invocation);
  add_check_commands(app, invocation);
  add_mount_commands(app, invocation);
  add_run_command(app, invocation);
  add_daemon_commands(app, invocation);
  add_key_commands(app, invocation);
  add_root_commands(app, invocation);
  add_gc_command(app, invocation);
  add_audit_commands(app, invocation);
  add_explain_command(app, invocation);
  add_trace_commands(app, invocation);
  add_config_commands(app, invocation);
}

std::string name_of(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + name_of(*chosen.front());
}

// A full disk behind a redirection is told here.
Status flush_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return {};
  return system_error("stdout", errno);
}

int run_action(const std::string& command, Invocation& invocation) {
  Status done;
  try {
    done = invocation.action(invocation);
  } catch (const std::exception& e) {
    done = Error{Code::kFailed, e.what()};
  }
  if (done.ok()) done = flush_output();
  if (done.ok()) return invocation.exit_status;
  print_error(invocation, command, done.error());
  return command == kRunCommand && invocation.exit_status != 0 ? invocation.exit_status
                                                               : exit_status(done.error().code);
}

// CLI11 says only that there is no subcommand.
std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& wrong, int argc, char** argv) {
  if (name_of(app) == kRunCommand && wrong.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError))
    return wrong.what() + std::string("; what is for the container's program stands behind --");
  if (!app.get_subcommands().empty()) return wrong.what();
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--config") {
      ++i;
    } else if (!word.starts_with('-')) {
      return "there is no command \"" + word + "\"";
    }
  }
  return wrong.what();
}

int run_thaw(int argc, char** argv) {
  CLI::App app("Thaw starts containers before their image has arrived.", "thaw");
  Invocation invocation;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", THAW_VERSION);
  add_config_option(app, invocation.config_file);
  app.add_flag("--json", invocation.json, "Print one JSON object on stdout");
  add_commands(app, invocation);
  // Last: a command takes over the footer that its parent has when it is added.
  app.footer(kExamples);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    const int status = app.exit(done);
    const Status written = flush_output();
    if (written.ok()) return status;
    print_error(invocation, "thaw", written.error());
    return exit_status(written.error().code);
  } catch (const CLI::ParseError& wrong) {
    const std::string command = name_of(app);
    print_error(invocation, command,
                {Code::kUsage, what_is_wrong(app, wrong, argc, argv) + "; see '" + command + " --help'"});
    return command == kRunCommand ? kRunFailed : kUsageStatus;
  }
  return run_action(name_of(app), invocation);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  thaw::open_standard_streams();
  try {
    return thaw::run_thaw(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "thaw: %s\n", e.what());
    return 1;
  }
}
