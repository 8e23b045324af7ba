#include "daemon/run/runtime.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <sstream>

namespace thaw {
namespace {

enum class Output : uint8_t { kInherited, kDiscarded };

std::string find_in_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "") +
                             ":/usr/local/sbin:/usr/sbin:/usr/bin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

// The child starts with no signal blocked (this process waits for signals with them blocked) and none ignored
// (a shell ignores SIGINT for what it starts in the background, and a container would inherit that).
Result<pid_t> spawn(const std::vector<std::string>& words, Output output) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output == Output::kDiscarded) {
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int failure = ::posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) return system_error(words[0], failure);
  return pid;
}

}  // namespace

Result<Runtime> find_runtime(const std::string& wanted, const std::string& state_dir) {
  const std::vector<std::string> names =
      wanted == "auto" ? std::vector<std::string>{"runc", "crun"} : std::vector<std::string>{wanted};
  for (const std::string& name : names) {
    const std::string program = find_in_path(name);
    if (!program.empty()) return Runtime{program, state_dir};
  }
  return Error{Code::kFailed, "no OCI runtime \"" + wanted +
                                  "\" on this machine; install runc or crun, or set \"run.runtime\""};
}

Result<pid_t> start_container(const Runtime& runtime, const std::string& bundle, const std::string& pid_file,
                              const std::string& id) {
  return spawn(
      {runtime.program, "--root", runtime.state_dir, "run", "--bundle", bundle, "--pid-file", pid_file, id},
      Output::kInherited);
}

void delete_container(const Runtime& runtime, const std::string& id) {
  // What ended by itself the runtime has removed, and to start it takes longer than to look.
  if (::access((runtime.state_dir + "/" + id).c_str(), F_OK) != 0) return;
  const auto pid =
      spawn({runtime.program, "--root", runtime.state_dir, "delete", "--force", id}, Output::kDiscarded);
  if (!pid.ok()) return;
  while (::waitpid(pid.value(), nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace thaw
