#include "daemon/processes/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "test/temporary_folder.h"

namespace thaw::run_lock_test {

TEST_CASE("the second daemon is told who is the first") {
  const TemporaryFolder folder;
  const std::string file = folder / "thawd.lock";
  {
    const auto first = RunLock::acquire(file, "run_dir /x", ::getpid());
    REQUIRE(first.ok());
    const auto second = RunLock::acquire(file, "run_dir /x", ::getpid());
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().message.find("process id " + std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().message.find("run_dir /x") != std::string::npos);
  }
  CHECK(RunLock::acquire(file, "run_dir /x", ::getpid()).ok());
}

TEST_CASE("a full disk keeps nobody from starting again") {
  const TemporaryFolder folder;
  REQUIRE(::mount("tmpfs", (folder / "").c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") == 0);
  const std::string file = folder / "thawd.lock";
  const std::string log = folder / "log";
  REQUIRE(RunLock::acquire(file, "state_dir /x", ::getpid()).ok());
  {
    const Fd full(::open(log.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    while (::write(full.get(), page.data(), page.size()) > 0) continue;
  }
  const auto again = RunLock::acquire(file, "state_dir /x", ::getpid());
  const auto fresh = RunLock::acquire(folder / "fresh.lock", "state_dir /x", ::getpid());
  CHECK(::umount2((folder / "").c_str(), MNT_DETACH) == 0);
  CHECK(again.ok());
  REQUIRE_FALSE(fresh.ok());
  CHECK(fresh.error().message.find("fresh.lock: ") != std::string::npos);
}

TEST_CASE("a worker takes what its daemon does not hold, in its name") {
  const TemporaryFolder folder;
  const std::string file = folder / "log.lock";
  constexpr pid_t kDaemon = 1;  // lives
  const auto by_worker = RunLock::acquire(file, "flash file /x", kDaemon);
  REQUIRE(by_worker.ok());
  CHECK(by_worker->fd() >= 0);
  const auto by_another = RunLock::acquire(file, "flash file /x", ::getpid());
  REQUIRE_FALSE(by_another.ok());
  CHECK(by_another.error().code == Code::kRefused);
  CHECK(by_another.error().message.find("process id 1") != std::string::npos);
  CHECK(RunLock::acquire(file, "flash file /x", kDaemon).ok());
}

TEST_CASE("a worker that outlives its supervisor is waited for") {
  const TemporaryFolder folder;
  const std::string file = folder / "thawd.lock";
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t supervisor = ::fork();
  if (supervisor == 0) {
    const auto lock = RunLock::acquire(file, "x", ::getpid());
    if (::fork() != 0) ::_exit(0);
    // The worker: it holds the lock until its pipe is closed, which happens while the test waits for the
    // lock.
    char byte = 0;
    ::close(ends[1]);
    static_cast<void>(::read(ends[0], &byte, 1));
    ::_exit(0);
  }
  ::waitpid(supervisor, nullptr, 0);
  const Fd probe(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  CHECK(::flock(probe.get(), LOCK_EX | LOCK_NB) != 0);
  ::close(ends[1]);
  CHECK(RunLock::acquire(file, "x", ::getpid()).ok());
  ::close(ends[0]);
}

}  // namespace thaw::run_lock_test
