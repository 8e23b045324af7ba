#include "daemon/processes/run_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>

namespace thaw {
namespace {

constexpr std::chrono::seconds kMaxWait{5};
constexpr std::chrono::milliseconds kInterval{5};

// 0 when the file names nobody.
pid_t holder_of(const Fd& fd) {
  std::array<char, 32> text{};
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), 0);
  pid_t pid = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, pid);
  return pid;
}

bool lives(pid_t pid) { return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM); }

}  // namespace

Result<RunLock> RunLock::acquire(const std::string& file, const std::string& what, pid_t daemon) {
  Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return system_error(file, errno);
  const auto deadline = std::chrono::steady_clock::now() + kMaxWait;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return system_error(file, errno);
    const pid_t holder = holder_of(fd);
    if (holder == daemon && daemon != ::getpid()) return RunLock(Fd());
    if (lives(holder) || std::chrono::steady_clock::now() > deadline) {
      return Error{Code::kRefused, what + " is in use by thawd with process id " + std::to_string(holder) +
                                       "; stop it, or configure another one"};
    }
    std::this_thread::sleep_for(kInterval);
  }
  const std::string pid = std::to_string(daemon) + "\n";
  // Over what is there: a file that was emptied needs room again, which a full disk does not have.
  const Status written = write_all_at(fd.get(), 0, as_bytes(pid));
  if (!written.ok()) return Error{written.error().code, file + ": " + written.error().message};
  if (::ftruncate(fd.get(), static_cast<off_t>(pid.size())) != 0) return system_error(file, errno);
  return RunLock(std::move(fd));
}

}  // namespace thaw
