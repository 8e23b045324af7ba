#include "daemon/run/container.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <sstream>

namespace thaw {
namespace {

constexpr int kSignalStatus = 128;
constexpr std::array<int, 6> kPassedOn = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

sigset_t held_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kPassedOn) sigaddset(&set, signal);
  return set;
}

sigset_t waited_signals() {
  sigset_t set = held_signals();
  sigaddset(&set, SIGCHLD);
  return set;
}

pid_t container_pid(const std::string& pid_file) {
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  return pid;
}

// Whether the line `field` of /proc/PID/status, a mask of signals, has `signal`.
bool has_signal(pid_t pid, const std::string& field, int signal) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(field)) continue;
    const uint64_t mask = std::stoull(line.substr(field.size()), nullptr, 16);
    return (mask >> (signal - 1) & 1) != 0;
  }
  return false;
}

// A terminal sends these to all processes of its foreground group: a shell that waits for its child ends only
// when the child does. Everything else is for the first process alone.
bool is_for_the_group(pid_t pid, int signal) {
  return (signal == SIGINT || signal == SIGQUIT) && ::getpgid(pid) == pid;
}

// Returns the exit status that the signal's default action gives, or 0 when the process deals with the signal
// itself.
int deliver(pid_t pid, int signal) {
  if (has_signal(pid, "SigCgt:", signal)) {
    ::kill(is_for_the_group(pid, signal) ? -pid : pid, signal);
    return 0;
  }
  if (has_signal(pid, "SigIgn:", signal)) return 0;
  ::kill(pid, SIGKILL);
  return kSignalStatus + signal;
}

int status_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? kSignalStatus + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace

void hold_signals() {
  const sigset_t set = waited_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

int pending_signal() {
  const sigset_t set = held_signals();
  const timespec now{0, 0};
  const int signal = ::sigtimedwait(&set, nullptr, &now);
  return signal > 0 ? signal : 0;
}

ContainerEnd wait_for_container(pid_t runtime_pid, const std::string& pid_file) {
  const sigset_t set = waited_signals();
  // A signal can come before the container's process is there; it is tried again until then.
  const timespec retry{0, 50'000'000};
  int undelivered = 0;
  int forced_status = 0;
  for (;;) {
    int wait_status = 0;
    if (::waitpid(runtime_pid, &wait_status, WNOHANG) == runtime_pid) {
      const bool started = container_pid(pid_file) > 0;
      if (!started && undelivered != 0) return {ContainerEnd::Phase::kStarted, kSignalStatus + undelivered};
      return {started ? ContainerEnd::Phase::kStarted : ContainerEnd::Phase::kNeverStarted,
              forced_status != 0 ? forced_status : status_of(wait_status)};
    }
    const int signal =
        undelivered != 0 ? ::sigtimedwait(&set, nullptr, &retry) : ::sigwaitinfo(&set, nullptr);
    if (signal > 0 && signal != SIGCHLD) undelivered = signal;
    const pid_t pid = container_pid(pid_file);
    if (undelivered == 0 || pid <= 0) continue;
    const int forced = deliver(pid, undelivered);
    if (forced != 0) forced_status = forced;
    undelivered = 0;
  }
}

}  // namespace thaw
