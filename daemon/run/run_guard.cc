#include "daemon/run/run_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "daemon/run/run_folder.h"

namespace thaw {
namespace {

constexpr char kDismissed = 'd';

// Nothing that belongs to the command may stay open: whoever reads its output waits for the last writer, and
// the lock on the folder would not end with it.
void let_go_of_all_but(int fd) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, standard);
  const auto kept = static_cast<unsigned>(fd);
  if (kept > STDERR_FILENO + 1) ::close_range(STDERR_FILENO + 1, kept - 1, 0);
  ::close_range(kept + 1, ~0U, 0);
}

bool was_dismissed(int fd) {
  char word = 0;
  ssize_t n = 0;
  do n = ::read(fd, &word, 1);
  while (n < 0 && errno == EINTR);
  return n == 1 && word == kDismissed;
}

}  // namespace

Result<RunGuard> RunGuard::start(const Runtime& runtime, const std::string& state_dir,
                                 const std::string& id) {
  std::array<int, 2> ends{};
  // Not a pipe: a guard that was killed must not end the command by SIGPIPE.
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error("socketpair", errno);
  Fd watched(ends[0]);
  Fd alive(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("fork", errno);
  if (pid > 0) return RunGuard(pid, std::move(alive));
  ::setsid();
  let_go_of_all_but(watched.get());
  if (!was_dismissed(watched.get())) {
    delete_container(runtime, id);
    remove_run_folder(state_dir, id);
  }
  ::_exit(EXIT_SUCCESS);
}

RunGuard::RunGuard(RunGuard&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), alive_(std::move(other.alive_)) {}

RunGuard::~RunGuard() {
  if (pid_ < 0) return;
  if (::send(alive_.get(), &kDismissed, 1, MSG_NOSIGNAL) != 1) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace thaw
