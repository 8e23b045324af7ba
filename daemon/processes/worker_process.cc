#include "daemon/processes/worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/log/log.h"
#include "daemon/processes/worker_link.h"

namespace thaw {
namespace {

// Above the numbers that the worker expects its sockets at.
constexpr int kFirstFreeFd = 10;

Fd duplicate(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeFd)); }

// In the child; the supervisor has one thread, so that anything may be called here.
[[noreturn]] void execute_worker(const std::vector<std::string>& arguments, const Resources& resources,
                                 const ChannelPair& records, const ChannelPair& orders, pid_t supervisor) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(1);  // it died before that
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const Fd records_end = duplicate(records.worker.get());
  const Fd orders_end = duplicate(orders.worker.get());
  resources.inherit_locks();
  // dup2 clears close-on-exec. Whatever had these numbers is the supervisor's, and closed with it.
  if (::dup2(records_end.get(), kRecordsSocket) < 0 || ::dup2(orders_end.get(), kOrdersSocket) < 0)
    ::_exit(1);
  std::vector<std::string> words = arguments;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  ::execv("/proc/self/exe", pointers.data());
  ::_exit(1);
}

}  // namespace

WorkerProcess::WorkerProcess(pid_t pid, Fd records, Fd orders)
    : pid_(pid), records_(std::move(records)), orders_(std::move(orders)), started_(steady_clock().now()) {}

Result<WorkerProcess> WorkerProcess::start(const std::vector<std::string>& arguments,
                                           const Resources& resources, const RecordTable& table) {
  THAW_ASSIGN(ChannelPair records, make_channel());
  THAW_ASSIGN(ChannelPair orders, make_channel());
  const pid_t supervisor = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return system_error("start the worker", errno);
  if (pid == 0) execute_worker(arguments, resources, records, orders, supervisor);
  WorkerProcess worker(pid, std::move(records.supervisor), std::move(orders.supervisor));
  records.worker.reset();
  orders.worker.reset();
  const Status sent = worker.send_start(resources, table);
  // Its death is reaped like any other.
  if (!sent.ok()) {
    log_warn("the worker does not take its records: {}", sent.error().message);
    worker.kill();
  }
  return worker;
}

Status WorkerProcess::send_start(const Resources& resources, const RecordTable& table) const {
  Message start;
  start.kind = MessageKind::kStart;
  for (const int fd : {resources.fuse(), resources.control(), resources.counters()}) {
    start.fds.push_back(duplicate(fd));
  }
  THAW_TRY(send_message(records_.get(), start));
  for (const auto& [key, kept] : table.records()) {
    Message message{MessageKind::kRecord, key, kept.record.value, {}};
    if (kept.record.blob.valid()) message.fds.push_back(duplicate(kept.record.blob.get()));
    THAW_TRY(send_message(records_.get(), message));
  }
  for (const auto& [key, value] : table.earlier()) {
    THAW_TRY(send_message(records_.get(), {MessageKind::kEarlier, key, value, {}}));
  }
  return send_message(records_.get(), {MessageKind::kBegin, {}, {}, {}});
}

void WorkerProcess::order(MessageKind kind) const {
  const Status sent = send_message(orders_.get(), {kind, {}, {}, {}});
  if (!sent.ok()) log_warn("the worker gets no orders: {}", sent.error().message);
}

void WorkerProcess::kill() const { ::kill(pid_, SIGKILL); }

}  // namespace thaw
