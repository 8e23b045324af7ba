#include "fuse/session.h"

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "fuse/kernel_messages.h"
#include "fuse/operations.h"
#include "lib/base/mutex.h"

namespace thaw {
namespace {

// Takes readers out of read(2). A wake-up by poll would cost every request two more system calls and wake all
// readers for each.
constexpr int kWakeSignal = SIGUSR2;
constexpr std::chrono::milliseconds kWakeInterval{5};

void install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  ::sigaction(kWakeSignal, &action, nullptr);
}

void unblock_wake_signal() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, kWakeSignal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

// One message at a time, in memory that libfuse allocates when it first receives.
class Inbox {
 public:
  Inbox() = default;
  ~Inbox() { std::free(buffer_.mem); }
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  fuse_buf* get() { return &buffer_; }
  ByteView message() const { return {static_cast<const uint8_t*>(buffer_.mem), buffer_.size}; }

 private:
  fuse_buf buffer_{};
};

}  // namespace

class Session::Connection final : public ReadSink {
 public:
  Connection(BlockFiles& files, ReadCounters& counters)
      : context_{.files = files, .counters = counters, .sink = *this, .open_reads = open_reads_} {}
  ~Connection() override;

  Status open(Fd device);
  Status begin(UniqueFunction<Status(ByteView)>& record);
  Status resume(Bytes recorded_init);
  void run();
  void stop() EXCLUDES(mutex_);

  void send_bytes(void* token, ByteView bytes) override;
  void send_error(void* token, int errno_value) override;

 private:
  enum class Handshake : uint8_t { kAnswer, kReplay, kDone };

  static ssize_t read_device(int fd, void* out, size_t size, void*) { return ::read(fd, out, size); }
  static ssize_t write_device(int fd, iovec* parts, int count, void* context);
  ssize_t handshake_reply(int fd, iovec* parts, int count);
  Status ask_resend() const;
  void process(Inbox& inbox);
  void enter_reader() EXCLUDES(mutex_);
  void leave_reader() EXCLUDES(mutex_);

  // Constant once the readers run.
  FolderContext context_;
  fuse_session* session_ = nullptr;
  Handshake handshake_ = Handshake::kDone;
  Bytes init_reply_;

  std::atomic<uint64_t> open_reads_{0};
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar reader_left_;
  std::vector<pthread_t> readers_ GUARDED_BY(mutex_);
};

Status Session::Connection::open(Fd device) {
  install_wake_signal();
  // libfuse refuses a handshake in which this and conn.max_read differ.
  std::string program = "thawd";
  std::string option = "-omax_read=" + std::to_string(kMountMaxRead);
  char* arguments[] = {program.data(), option.data(), nullptr};
  fuse_args args = FUSE_ARGS_INIT(2, arguments);
  const fuse_lowlevel_ops operations = folder_operations();
  session_ = fuse_session_new(&args, &operations, sizeof operations, &context_);
  fuse_opt_free_args(&args);
  if (session_ == nullptr) return Error{Code::kFailed, "libfuse does not make a session"};
  fuse_custom_io io{};
  io.read = read_device;
  io.writev = write_device;
  const int failure = fuse_session_custom_io(session_, &io, device.get());
  if (failure != 0) return system_error("libfuse does not take /dev/fuse", -failure);
  device.release();  // closed by fuse_session_destroy
  return {};
}

Session::Connection::~Connection() {
  // Who answers is not known here, so that there is nobody to be woken by.
  while (open_reads_.load(std::memory_order_acquire) != 0) std::this_thread::sleep_for(kWakeInterval);
  if (session_ != nullptr) fuse_session_destroy(session_);
}

Status Session::Connection::ask_resend() const {
  const Bytes message = resend_notification();
  if (::write(fuse_session_fd(session_), message.data(), message.size()) >= 0) return {};
  return system_error("the kernel does not send again what was in flight (it needs Linux 6.9)", errno);
}

Status Session::Connection::begin(UniqueFunction<Status(ByteView)>& record) {
  // An earlier process may have died with the FUSE_INIT in its hands. A kernel that cannot resend has lost
  // it.
  const Status ignored = ask_resend();
  static_cast<void>(ignored);
  Inbox inbox;
  int received = -EINTR;
  while (received == -EINTR) received = fuse_session_receive_buf(session_, inbox.get());
  if (received <= 0) return Error{Code::kFailed, "/dev/fuse is not mounted, or not any more"};
  if (!is_init_request(inbox.message())) {
    return Error{Code::kFailed, "/dev/fuse was served before, and there is no record of its start"};
  }
  THAW_TRY(record(inbox.message()));
  handshake_ = Handshake::kAnswer;
  fuse_session_process_buf(session_, inbox.get());
  handshake_ = Handshake::kDone;
  if (init_reply_.empty() || fuse_session_exited(session_)) {
    return Error{Code::kFailed, "libfuse and the kernel do not agree on a protocol"};
  }
  return {};
}

Status Session::Connection::resume(Bytes recorded_init) {
  if (!is_init_request(recorded_init)) {
    return Error{Code::kDamaged, "the record of the connection's start is not a FUSE_INIT"};
  }
  fuse_buf buffer{};
  buffer.mem = recorded_init.data();
  buffer.size = recorded_init.size();
  handshake_ = Handshake::kReplay;
  fuse_session_process_buf(session_, &buffer);
  handshake_ = Handshake::kDone;
  if (init_reply_.empty() || fuse_session_exited(session_)) {
    return Error{Code::kFailed, "libfuse does not take the recorded start of the connection"};
  }
  return ask_resend();
}

ssize_t Session::Connection::write_device(int fd, iovec* parts, int count, void* context) {
  auto& folder = *static_cast<FolderContext*>(context);
  auto& self = static_cast<Connection&>(folder.sink);
  if (self.handshake_ == Handshake::kDone) return ::writev(fd, parts, count);
  return self.handshake_reply(fd, parts, count);
}

ssize_t Session::Connection::handshake_reply(int fd, iovec* parts, int count) {
  init_reply_.clear();
  for (int i = 0; i < count; ++i) {
    const auto* bytes = static_cast<const uint8_t*>(parts[i].iov_base);
    init_reply_.insert(init_reply_.end(), bytes, bytes + parts[i].iov_len);
  }
  if (handshake_ == Handshake::kAnswer) return ::writev(fd, parts, count);
  return static_cast<ssize_t>(init_reply_.size());
}

void Session::Connection::process(Inbox& inbox) {
  if (!is_init_request(inbox.message())) {
    fuse_session_process_buf(session_, inbox.get());
    return;
  }
  // Resent, because the process that recorded it died before it answered. libfuse takes only one.
  const Bytes reply = reply_for(init_reply_, unique_of(inbox.message()));
  if (::write(fuse_session_fd(session_), reply.data(), reply.size()) < 0) fuse_session_exit(session_);
}

void Session::Connection::run() {
  enter_reader();
  Inbox inbox;
  while (!stopping_.load() && !fuse_session_exited(session_)) {
    const int received = fuse_session_receive_buf(session_, inbox.get());
    if (received == -EINTR || received == -EAGAIN) continue;
    if (received <= 0) break;
    process(inbox);
  }
  leave_reader();
}

void Session::Connection::enter_reader() {
  unblock_wake_signal();
  MutexLock lock(mutex_);
  readers_.push_back(::pthread_self());
}

void Session::Connection::leave_reader() {
  MutexLock lock(mutex_);
  std::erase_if(readers_, [](pthread_t reader) { return ::pthread_equal(reader, ::pthread_self()) != 0; });
  reader_left_.notify_all();
}

void Session::Connection::stop() {
  stopping_.store(true);
  MutexLock lock(mutex_);
  while (!readers_.empty()) {
    // Again and again: a signal may arrive after the look at stopping_ and before read(2).
    for (const pthread_t reader : readers_) ::pthread_kill(reader, kWakeSignal);
    reader_left_.wait_for(mutex_, kWakeInterval);
  }
}

void Session::Connection::send_bytes(void* token, ByteView bytes) {
  // Fails when the reader was killed meanwhile: nobody is left to be told.
  fuse_reply_buf(static_cast<fuse_req_t>(token), reinterpret_cast<const char*>(bytes.data()), bytes.size());
  open_reads_.fetch_sub(1, std::memory_order_release);
}

void Session::Connection::send_error(void* token, int errno_value) {
  fuse_reply_err(static_cast<fuse_req_t>(token), errno_value);
  open_reads_.fetch_sub(1, std::memory_order_release);
}

Session::Session(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Session::Session(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::start(Fd device, BlockFiles& files, ReadCounters& counters, SessionOptions options) {
  auto connection = std::make_unique<Connection>(files, counters);
  THAW_TRY(connection->open(std::move(device)));
  if (options.recorded_init.empty()) {
    THAW_TRY(connection->begin(options.record_init));
  } else {
    THAW_TRY(connection->resume(std::move(options.recorded_init)));
  }
  return Session(std::move(connection));
}

void Session::run() { connection_->run(); }
void Session::stop() { connection_->stop(); }

}  // namespace thaw
