// thawd: the daemon. Started by a person or a service manager it is the supervisor; it starts itself again as
// the worker and as the mount helpers.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "daemon/config/config.h"
#include "daemon/config_option.h"
#include "daemon/counters_page.h"
#include "daemon/log/log.h"
#include "daemon/mounts/mount_helper.h"
#include "daemon/processes/supervisor.h"
#include "daemon/worker/worker.h"

namespace thaw {
namespace {

constexpr int kUsageStatus = 2;

struct Options {
  std::string config_file;
  bool worker = false;
  bool mount_helper = false;
};

int supervise(const Options& options) {
  const auto config = load_config(options.config_file);
  if (!config.ok()) {
    std::fprintf(stderr, "thawd: %s\n", config.error().message.c_str());
    return kUsageStatus;
  }
  set_log_level(config.value().log_level);
  SupervisorOptions supervisor;
  supervisor.resources = {config.value().run_dir, config.value().state_dir, config.value().flash_path,
                          CountersPage::kBytes};
  supervisor.worker_arguments = {"thawd", "--worker"};
  if (!options.config_file.empty()) {
    supervisor.worker_arguments.insert(supervisor.worker_arguments.end(), {"--config", options.config_file});
  }
  return run_supervisor(supervisor);
}

int run_thawd(int argc, char** argv) {
  CLI::App app("The daemon that serves images; runs in the foreground.", "thawd");
  Options options;
  app.footer("Example:\n  thawd --config /etc/thaw/thaw.json");
  app.set_version_flag("--version", THAW_VERSION);
  add_config_option(app, options.config_file);
  app.add_flag("--worker", options.worker)->group("");
  app.add_flag("--mount-helper", options.mount_helper)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);
  } catch (const CLI::ParseError& wrong) {
    std::fprintf(stderr, "thawd: %s; see 'thawd --help'\n", wrong.what());
    return kUsageStatus;
  }
  start_log();
  if (options.mount_helper) return mount_helper_main();
  if (options.worker) return run_worker(options.config_file);
  return supervise(options);
}

}  // namespace
}  // namespace thaw

int main(int argc, char** argv) {
  thaw::open_standard_streams();
  try {
    return thaw::run_thawd(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "thawd: %s\n", e.what());
    return 1;
  }
}
