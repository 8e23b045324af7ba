#include "daemon/processes/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>

#include "daemon/log/log.h"
#include "daemon/processes/backoff.h"
#include "daemon/processes/channel.h"
#include "daemon/processes/record_table.h"
#include "daemon/processes/worker_link.h"
#include "daemon/processes/worker_process.h"

namespace thaw {
namespace {

// Together less than the 5 s in which the daemon promises to stop.
constexpr std::chrono::milliseconds kStopTime{2500};
constexpr std::chrono::milliseconds kKillTime{500};
constexpr int kReloadTries = 2;  // a worker may have died of it

Result<Fd> watch_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&set, number);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return system_error("sigprocmask", errno);
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return system_error("signalfd", errno);
  ::signal(SIGPIPE, SIG_IGN);
  return fd;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

class Supervisor {
 public:
  Supervisor(const SupervisorOptions& options, Resources resources, RecordTable table, Fd signals)
      : options_(options),
        resources_(std::move(resources)),
        table_(std::move(table)),
        signals_(std::move(signals)) {}

  int run();

 private:
  enum class State : uint8_t { kRunning, kStopping, kKilling, kDone };

  void start_worker();
  void wait();
  int wait_ms() const;
  void on_timeout();
  void on_signals();
  void on_signal(uint32_t number);
  void pass_on_reload();
  void on_children();
  void on_worker_end(int status);
  void on_message();
  Status carry_out(Message& message);
  void begin_stop();
  int finish();

  const SupervisorOptions& options_;
  Resources resources_;
  RecordTable table_;
  const Fd signals_;
  std::optional<WorkerProcess> worker_;
  Backoff backoff_;
  State state_ = State::kRunning;
  int reload_tries_ = 0;           // left, until a worker says that it has reloaded
  std::optional<TimePoint> wake_;  // the worker's next start, or the end of a stop's patience
};

int Supervisor::run() {
  start_worker();
  while (state_ != State::kDone) wait();
  return finish();
}

void Supervisor::start_worker() {
  wake_.reset();
  auto worker = WorkerProcess::start(options_.worker_arguments, resources_, table_);
  if (worker.ok()) {
    worker_.emplace(std::move(worker).value());
    return;
  }
  const auto delay = backoff_.after({});
  log_error("{}; trying again in {} ms", worker.error().message, delay.count());
  wake_ = steady_clock().now() + delay;
}

int Supervisor::wait_ms() const {
  if (!wake_) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*wake_ - steady_clock().now());
  return static_cast<int>(std::max<int64_t>(0, left.count()));
}

void Supervisor::wait() {
  std::array<pollfd, 2> polled{pollfd{signals_.get(), POLLIN, 0},
                               pollfd{worker_ ? worker_->records_socket() : -1, POLLIN, 0}};
  if (::poll(polled.data(), polled.size(), wait_ms()) < 0) return;  // EINTR
  // Messages first: what a worker said before it died counts.
  if ((polled[1].revents & POLLIN) != 0) {
    on_message();
  } else if ((polled[1].revents & (POLLHUP | POLLERR)) != 0) {
    // Its end is near, or it closed the socket, which is no better.
    worker_->kill();
    on_children();
  }
  if (polled[0].revents != 0) on_signals();
  if (wake_ && steady_clock().now() >= *wake_) on_timeout();
}

void Supervisor::on_timeout() {
  wake_.reset();
  switch (state_) {
    case State::kRunning:
      start_worker();
      break;
    case State::kStopping:
      log_warn("the worker does not stop: killed");
      state_ = State::kKilling;
      if (worker_) worker_->kill();
      wake_ = steady_clock().now() + kKillTime;
      break;
    case State::kKilling:
      // Waits in the kernel; what is taken down from here on wakes it.
      state_ = State::kDone;
      break;
    case State::kDone:
      break;
  }
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) on_signal(info.ssi_signo);
}

void Supervisor::on_signal(uint32_t number) {
  switch (number) {
    case SIGTERM:
    case SIGINT:
      begin_stop();
      break;
    case SIGHUP:
      reload_tries_ = kReloadTries;
      pass_on_reload();
      break;
    case SIGCHLD:
      on_children();
      break;
    default:
      break;
  }
}

// To a worker that serves; what comes before is left to when it does. If it dies before it has reloaded, the
// next one gets it.
void Supervisor::pass_on_reload() {
  if (reload_tries_ == 0 || !worker_ || !worker_->is_ready()) return;
  --reload_tries_;
  worker_->order(MessageKind::kReload);
}

void Supervisor::on_children() {
  int status = 0;
  // Also mount helpers whose worker died: the supervisor is their reaper.
  for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0; pid = ::waitpid(-1, &status, WNOHANG)) {
    if (worker_ && pid == worker_->pid()) on_worker_end(status);
  }
}

void Supervisor::on_worker_end(int status) {
  const WorkerLife life{steady_clock().now() - worker_->started(), worker_->is_ready()};
  worker_.reset();
  if (state_ != State::kRunning) {
    state_ = State::kDone;
    return;
  }
  const auto delay = backoff_.after(life);
  log_warn("the worker {}; the next one starts in {} ms", describe_end(status), delay.count());
  wake_ = steady_clock().now() + delay;
}

void Supervisor::on_message() {
  auto message = receive_message(worker_->records_socket());
  if (!message.ok()) {
    worker_->kill();
    return;
  }
  const Status done = carry_out(message.value());
  Message answer{MessageKind::kDone, {}, {}, {}};
  if (!done.ok())
    answer = {MessageKind::kFailed, std::string(code_name(done.error().code)), done.error().message, {}};
  // A worker that does not read its answers is stuck, or dead.
  if (!send_message(worker_->records_socket(), answer).ok()) worker_->kill();
}

Status Supervisor::carry_out(Message& message) {
  switch (message.kind) {
    case MessageKind::kReady:
      worker_->set_ready();
      pass_on_reload();
      return {};
    case MessageKind::kReloaded:
      reload_tries_ = 0;
      return {};
    case MessageKind::kPut:
    case MessageKind::kPutSaved: {
      if (message.key == kLogLevelRecord) set_log_level(message.value);
      Fd blob = message.fds.empty() ? Fd() : std::move(message.fds[0]);
      return table_.put({std::move(message.key), std::move(message.value), std::move(blob)},
                        message.kind == MessageKind::kPutSaved ? Keep::kSaved : Keep::kInMemory);
    }
    case MessageKind::kRemove:
      return table_.remove(message.key);
    default:
      return Error{Code::kUsage, "the supervisor does not know what the worker asks for"};
  }
}

void Supervisor::begin_stop() {
  if (state_ != State::kRunning) return;
  log_info("stopping");
  if (!worker_) {
    state_ = State::kDone;
    return;
  }
  state_ = State::kStopping;
  wake_ = steady_clock().now() + kStopTime;
  worker_->order(MessageKind::kStop);
}

int Supervisor::finish() {
  const Status released = resources_.release();
  if (!released.ok()) log_warn("{}", released.error().message);
  const Status cleared = table_.clear();
  if (!cleared.ok()) log_warn("{}", cleared.error().message);
  log_info("stopped");
  return 0;
}

Result<int> start_and_run(const SupervisorOptions& options) {
  THAW_ASSIGN(Fd signals, watch_signals());
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  THAW_ASSIGN(Resources resources, Resources::acquire(options.resources));
  auto table = RecordTable::load(options.resources.state_dir + "/mounts.json");
  if (!table.ok()) {
    static_cast<void>(resources.release().ok());
    return std::move(table).error();
  }
  log_info("serving {}", resources.run_dir());
  return Supervisor(options, std::move(resources), std::move(table).value(), std::move(signals)).run();
}

}  // namespace

int run_supervisor(const SupervisorOptions& options) {
  const Result<int> status = start_and_run(options);
  if (status.ok()) return status.value();
  log_error("thawd: {}", status.error().message);
  return 1;
}

}  // namespace thaw
