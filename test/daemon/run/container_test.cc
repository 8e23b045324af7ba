#include "daemon/run/container.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/daemon/run/fake_root.h"

namespace thaw::container_test {
namespace {

// Runs `child` in a process that stands for runtime and container at once.
template <class Child>
pid_t start(const FakeRoot& root, Child child) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    sigset_t all;
    sigfillset(&all);
    // The test framework handles SIGTERM; a container starts without handlers.
    ::signal(SIGTERM, SIG_DFL);
    ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
    child();
    ::_exit(0);
  }
  root.write("/pid", std::to_string(pid));
  return pid;
}

void on_signal(int) { ::_exit(7); }

}  // namespace

TEST_CASE("the container's exit status comes back", "[run]") {
  hold_signals();
  const FakeRoot root;
  const pid_t pid = start(root, [] { ::_exit(42); });
  const ContainerEnd end = wait_for_container(pid, root.path() + "/pid");
  CHECK(end.phase == ContainerEnd::Phase::kStarted);
  CHECK(end.status == 42);
}

TEST_CASE("a runtime that ends without a container is a failed start", "[run]") {
  hold_signals();
  const FakeRoot root;
  const pid_t pid = start(root, [] { ::_exit(1); });
  CHECK(wait_for_container(pid, root.path() + "/nothing").phase == ContainerEnd::Phase::kNeverStarted);
}

TEST_CASE("a signal that the container does not handle ends it", "[run]") {
  hold_signals();
  const FakeRoot root;
  const pid_t pid = start(root, [] {
    for (;;) ::pause();
  });
  ::kill(::getpid(), SIGTERM);
  CHECK(wait_for_container(pid, root.path() + "/pid").status == 128 + SIGTERM);
}

TEST_CASE("a signal that the container handles is its own affair", "[run]") {
  hold_signals();
  const FakeRoot root;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t pid = start(root, [&ready] {
    ::signal(SIGINT, on_signal);
    (void)!::write(ready[1], "r", 1);
    for (;;) ::pause();
  });
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  ::kill(::getpid(), SIGINT);
  CHECK(wait_for_container(pid, root.path() + "/pid").status == 7);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace thaw::container_test
