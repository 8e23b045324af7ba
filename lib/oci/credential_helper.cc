#include "lib/oci/credential_helper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>

#include "lib/base/file.h"
#include "lib/oci/context.h"

namespace thaw {
namespace {

constexpr size_t kMaxServerBytes = 1024;  // far less than a pipe holds

struct HelperPipe {
  Fd out;
  Fd in;
};

Result<HelperPipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_error("pipe", errno);
  return HelperPipe{Fd(ends[0]), Fd(ends[1])};
}

bool is_helper_name(const std::string& name) {
  const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  return !name.empty() && std::ranges::all_of(name, good);
}

// One run of a helper. Ends it when it goes.
class HelperRun {
 public:
  explicit HelperRun(std::string program) : program_(std::move(program)) {}
  ~HelperRun() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap();
  }
  HelperRun(const HelperRun&) = delete;
  HelperRun& operator=(const HelperRun&) = delete;

  Status start(const std::string& server);
  // All that it prints.
  Result<std::string> read(const HelperLimits& limits);
  // Whether it ended well. REQUIRES: read() came to the end
  bool succeeded() { return reap() == 0; }

 private:
  Error late() const { return {Code::kTimedOut, program_ + " takes too long; try 'docker login' again"}; }

  int reap() {
    int status = -1;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

  const std::string program_;
  pid_t pid_ = -1;
  Fd answer_;
};

Status HelperRun::start(const std::string& server) {
  THAW_ASSIGN(HelperPipe question, make_pipe());
  THAW_ASSIGN(HelperPipe answer, make_pipe());
  // The pipe holds it: nobody waits for the helper to read.
  THAW_TRY(write_all(question.in.get(), as_bytes(server)));
  question.in.reset();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, question.out.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, answer.in.get(), STDOUT_FILENO);
  // Its reasons come on stdout; an error of ours is one line.
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string verb = "get";
  std::string name = program_;
  std::array<char*, 3> arguments{name.data(), verb.data(), nullptr};
  const int failure = ::posix_spawnp(&pid_, program_.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) {
    pid_ = -1;
    return Error{Code::kUsage,
                 system_error(program_, failure).message +
                     "; install this credential helper, or take it out of the file that names it"};
  }
  answer_ = std::move(answer.out);
  return {};
}

Result<std::string> HelperRun::read(const HelperLimits& limits) {
  const TimePoint end = steady_clock().now() + limits.time;
  std::string text;
  std::array<char, 4096> piece{};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock().now()).count();
    pollfd wanted{answer_.get(), POLLIN, 0};
    const int ready = left <= 0 ? 0 : ::poll(&wanted, 1, static_cast<int>(left));
    if (ready == 0) return late();
    if (ready < 0 && errno == EINTR) continue;
    const ssize_t count = ::read(answer_.get(), piece.data(), piece.size());
    if (count < 0) return system_error(program_, errno);
    if (count == 0) return text;
    text.append(piece.data(), static_cast<size_t>(count));
    if (text.size() > limits.answer_bytes) {
      return Error{Code::kFailed,
                   program_ + " answers with more than " + std::to_string(limits.answer_bytes) + " bytes"};
    }
  }
}

}  // namespace

Result<std::string> ask_credential_helper(const std::string& name, const std::string& server,
                                          const HelperLimits& limits) {
  if (!is_helper_name(name) || server.size() > kMaxServerBytes) {
    return Error{Code::kUsage, "\"" + printable(name) + "\" is no name of a credential helper"};
  }
  HelperRun run("docker-credential-" + name);
  THAW_TRY(run.start(server));
  THAW_ASSIGN(std::string text, run.read(limits));
  if (run.succeeded()) return text;
  while (text.ends_with('\n')) text.pop_back();
  const bool none = text.find("credentials not found") != std::string::npos;
  return Error{none ? Code::kNotFound : Code::kFailed,
               "docker-credential-" + name + " fails: " + printable(text)};
}

}  // namespace thaw
