#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/mount_request.h"
#include "daemon/control/client.h"
#include "daemon/run/bundle.h"
#include "daemon/run/container.h"
#include "daemon/run/run_folder.h"
#include "daemon/run/run_guard.h"
#include "daemon/run/runtime.h"
#include "lib/base/file.h"

namespace thaw {
namespace {

using Json = nlohmann::json;

// The contract's own failures of `thaw run`; everything else is the container's exit status.
constexpr int kNotExecutable = 126;
constexpr int kNoSuchCommand = 127;

struct RunOptions : ImageToMount {
  ContainerOptions container;
  bool remove = true;  // what --rm says, and the only way that a container ends
};

// The manifest carries it as the OCI image specification spells it.
RunConfig run_config(const Json& config) {
  return {config.value("Entrypoint", std::vector<std::string>{}),
          config.value("Cmd", std::vector<std::string>{}), config.value("Env", std::vector<std::string>{}),
          config.value("WorkingDir", ""), config.value("User", "")};
}

// The daemon's mount of the image for one container; unmounted when this goes.
class ImageMount {
 public:
  static Result<ImageMount> create(const Invocation& invocation, const RunOptions& options,
                                   const std::string& dir) {
    Json request = mount_request(invocation, options);
    request["dir"] = dir;
    ControlClient client(invocation.socket());
    THAW_ASSIGN(Json answer, client.post("/v1/mounts", request));
    return ImageMount(std::move(client), std::move(answer));
  }
  ImageMount(ImageMount&& other) noexcept
      : client_(std::move(other.client_)), answer_(std::move(other.answer_)) {
    other.answer_ = nullptr;
  }
  ImageMount& operator=(ImageMount&&) = delete;
  ~ImageMount() {
    if (!answer_.is_object()) return;
    (void)client_.post("/v1/umount", {{"target", answer_.at("id")}, {"lazy", true}, {"pid", ::getpid()}});
  }

  RunConfig config() const { return run_config(answer_.value("config", Json::object())); }

 private:
  ImageMount(ControlClient client, Json answer) : client_(std::move(client)), answer_(std::move(answer)) {}

  ControlClient client_;
  Json answer_;
};

int status_of_plan(Code code) {
  if (code == Code::kNotFound) return kNoSuchCommand;
  return code == Code::kRefused ? kNotExecutable : kRunFailed;
}

void sweep(const Config& config, const Runtime& runtime) {
  for (const std::string& id : dead_run_folders(config.state_dir)) {
    delete_container(runtime, id);
    remove_run_folder(config.state_dir, id);
  }
}

// A pseudo-terminal is stdin, stdout and stderr in one: where one of them leads elsewhere, it would get what
// is meant for another, and an echo of what is typed.
Terminal terminal_of_caller() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::isatty(stream) != 1) return Terminal::kNone;
  }
  return Terminal::kPseudo;
}

Result<int> run_in(const Runtime& runtime, const RunFolder& folder, const Process& process) {
  const std::string text = bundle_text(process, folder.root(), terminal_of_caller());
  THAW_TRY(replace_file(folder.bundle() + "/config.json", as_bytes(text), 0600));
  THAW_ASSIGN(const pid_t pid, start_container(runtime, folder.bundle(), folder.pid_file(), folder.id()));
  const ContainerEnd end = wait_for_container(pid, folder.pid_file());
  delete_container(runtime, folder.id());
  if (end.phase == ContainerEnd::Phase::kNeverStarted) {
    return Error{Code::kFailed, runtime.program + " could not start the container; its message stands above"};
  }
  return end.status;
}

Status run(Invocation& invocation, const RunOptions& options) {
  invocation.exit_status = kRunFailed;
  hold_signals();
  THAW_ASSIGN(invocation.config, load_config(invocation.config_file));
  const Config& config = invocation.config;
  THAW_ASSIGN(const Runtime runtime, find_runtime(config.run_runtime, config.run_dir + "/runtime"));
  sweep(config, runtime);
  THAW_TRY(enter_private_mounts(config.run_dir));
  THAW_ASSIGN(const RunFolder folder, RunFolder::create(config.state_dir));
  THAW_ASSIGN(const RunGuard guard, RunGuard::start(runtime, config.state_dir, folder.id()));
  THAW_ASSIGN(const ImageMount mount, ImageMount::create(invocation, options, folder.image()));
  THAW_TRY(folder.mount_overlay());
  auto process = plan_process(folder.root(), mount.config(), options.container);
  if (!process.ok()) {
    invocation.exit_status = status_of_plan(process.error().code);
    return process.error();
  }
  process.value().hostname = folder.id();
  if (const int signal = pending_signal(); signal != 0) {
    invocation.exit_status = 128 + signal;
    return {};
  }
  THAW_ASSIGN(invocation.exit_status, run_in(runtime, folder, process.value()));
  return {};
}

}  // namespace

void add_run_command(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command =
      app.add_subcommand("run", "Run a container whose files arrive as they are read (needs root)");
  command->footer(
      "Exit status: the container's own (128 + N for a signal); 125 Thaw failed, 126 the command cannot be "
      "executed,\n"
      "127 there is no such command.\n"
      "Examples:\n  thaw run web:7\n  thaw run web:7 -- python3 -c 'print(1)'\n  thaw run -e A=1 -u www "
      "web:7 -- env");
  command->add_option("NAME", options->name, "NAME[:TAG][@sha256:DIGEST]")->required();
  command->add_option("CMD", options->container.command,
                      "Command and arguments instead of the image's, after --");
  command->add_option("-e,--env", options->container.env, "NAME=VALUE, may be repeated")
      ->allow_extra_args(false);
  command->add_option("-w,--workdir", options->container.working_dir, "Working directory in the container");
  command->add_option("-u,--user", options->container.user, "USER[:GROUP], names or numbers");
  command->add_option("--entrypoint", options->container.entrypoint,
                      "Program instead of the image's entrypoint");
  add_tenant(*command, options->tenant);
  command->add_option("--outage", options->outage, "What reads do while the store is away")
      ->check(CLI::IsMember({"error", "wait"}));
  add_rollback_flag(*command, options->allow_rollback);
  command->add_flag("--rm", options->remove, "Remove the container when it ends (always so)");
  command->callback([&invocation, options] {
    invocation.action = [options](Invocation& call) { return run(call, *options); };
  });
}

}  // namespace thaw
