#include "daemon/processes/worker_link.h"

#include <fcntl.h>
#include <signal.h>

#include <utility>

namespace thaw {

WorkerLink::WorkerLink() : records_(kRecordsSocket), orders_(kOrdersSocket) {
  ::fcntl(records_.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(orders_.get(), F_SETFD, FD_CLOEXEC);
  // A terminal and a service manager send these to all processes of a group; the order comes from the
  // supervisor.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ::signal(number, SIG_IGN);
}

Result<Inheritance> WorkerLink::inherit() {
  Inheritance inheritance;
  for (;;) {
    THAW_ASSIGN(Message message, receive_message(records_.get()));
    switch (message.kind) {
      case MessageKind::kStart:
        if (message.fds.size() != 3) return Error{Code::kDamaged, "the supervisor's start is not understood"};
        inheritance.fuse = std::move(message.fds[0]);
        inheritance.control = std::move(message.fds[1]);
        inheritance.counters = std::move(message.fds[2]);
        break;
      case MessageKind::kRecord:
        if (message.key == kFuseInitRecord) {
          inheritance.fuse_init.assign(message.value.begin(), message.value.end());
        } else {
          Fd blob = message.fds.empty() ? Fd() : std::move(message.fds[0]);
          inheritance.records.push_back({std::move(message.key), std::move(message.value), std::move(blob)});
        }
        break;
      case MessageKind::kEarlier:
        inheritance.earlier.push_back({std::move(message.key), std::move(message.value), {}});
        break;
      case MessageKind::kBegin:
        return inheritance;
      default:
        return Error{Code::kDamaged, "the supervisor's start is not understood"};
    }
  }
}

Status WorkerLink::ask(const Message& message) {
  // Held while the supervisor answers: it does so at once, and the lock is this conversation's only.
  MutexLock lock(mutex_);
  THAW_TRY(send_message(records_.get(), message));
  THAW_ASSIGN(const Message answer, receive_message(records_.get()));
  if (answer.kind == MessageKind::kDone) return {};
  return Error{code_from_name(answer.key), answer.value};
}

Status WorkerLink::ready() { return ask({MessageKind::kReady, {}, {}, {}}); }

Status WorkerLink::put(Record record, Keep keep) {
  Message message;
  message.kind = keep == Keep::kSaved ? MessageKind::kPutSaved : MessageKind::kPut;
  message.key = std::move(record.key);
  message.value = std::move(record.value);
  if (record.blob.valid()) message.fds.push_back(std::move(record.blob));
  return ask(message);
}

Status WorkerLink::remove(const std::string& key) { return ask({MessageKind::kRemove, key, {}, {}}); }

Order WorkerLink::next_order() {
  // An older supervisor does not know the message, and needs none.
  if (std::exchange(reloading_, false)) static_cast<void>(ask({MessageKind::kReloaded, {}, {}, {}}).ok());
  for (;;) {
    const auto message = receive_message(orders_.get());
    if (!message.ok() || message->kind == MessageKind::kStop) return Order::kStop;
    reloading_ = message->kind == MessageKind::kReload;
    if (reloading_) return Order::kReload;
  }
}

}  // namespace thaw
