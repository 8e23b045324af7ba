#include "lib/io/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <cerrno>
#include <utility>

namespace thaw {
namespace {

constexpr size_t kPartsAtOnce = 32;
// What one connection reads before others have their turn.
constexpr size_t kReadBudget = 1 << 20;

Error unreachable(std::string_view what, int errno_value) {
  return {Code::kUnreachable, system_error(what, errno_value).message};
}

}  // namespace

Connection::Connection(EventLoop& loop, ConnectionHandler& handler, Options options)
    : loop_(loop), handler_(handler), options_(std::move(options)) {}

Connection::~Connection() { close(); }

Status Connection::connect(const SocketAddress& address) {
  Fd socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return unreachable("socket", errno);
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int status = ::connect(socket.get(), address.get(), address.length);
  if (status != 0 && errno != EINPROGRESS) return unreachable("connect", errno);
  THAW_ASSIGN(watch_, loop_.watch(socket.get(), EPOLLIN | EPOLLOUT, *this));
  socket_ = std::move(socket);
  if (options_.tls) tls_.emplace(*options_.tls, socket_.get(), options_.server);
  connecting_ = true;
  writable_wanted_ = true;
  // By the watch's id, which is never used twice: this connection may be gone by then, or be another one.
  const std::weak_ptr<Connection*> self = self_;
  loop_.call_at(loop_.now() + options_.connect_timeout, [self, watch = watch_] {
    const std::shared_ptr<Connection*> connection = self.lock();
    if (connection) (*connection)->connect_timed_out(watch);
  });
  return {};
}

void Connection::connect_timed_out(EventLoop::WatchId watch) {
  if (watch != watch_ || !connecting_) return;
  fail({Code::kTimedOut, "connect: no answer"});
}

void Connection::close() {
  if (!is_open()) return;
  loop_.unwatch(std::exchange(watch_, 0));
  tls_.reset();
  socket_.reset();
  connecting_ = false;
  queue_.clear();
  sent_of_front_ = 0;
  queued_bytes_ = 0;
}

void Connection::fail(Error why) {
  close();
  handler_.closed(std::move(why));
}

bool Connection::write(Outgoing what) {
  if (!has_room(what.size())) return false;
  queued_bytes_ += what.size();
  queue_.push_back(std::move(what));
  if (!connecting_ && !writable_wanted_) flush();
  return true;
}

void Connection::on_events(uint32_t events) {
  if (connecting_) {
    connected();
    if (connecting_ || !is_open()) return;
    events |= EPOLLIN | EPOLLOUT;
  }
  // What TLS waits for is not always what it is asked to do.
  if (tls_) events |= EPOLLIN | EPOLLOUT;
  if ((events & EPOLLOUT) != 0) flush();
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) receive();
}

void Connection::connected() {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail(unreachable("connect", error));
  if (tls_) return shake_hands();
  connecting_ = false;
}

void Connection::shake_hands() {
  const Result<bool> done = tls_->handshake();
  if (!done.ok()) return fail(done.error());
  connecting_ = !done.value();
  if (connecting_) want_writable(tls_->wants_write());
}

ssize_t Connection::read_into(std::span<const iovec> parts) {
  return tls_ ? tls_->read(parts) : ::readv(socket_.get(), parts.data(), static_cast<int>(parts.size()));
}

ssize_t Connection::write_from(std::span<iovec> parts) {
  if (tls_) return tls_->write(parts);
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

void Connection::receive() {
  const EventLoop::WatchId watch = watch_;
  // The event loop does not see what TLS has taken from the socket already.
  for (size_t total = 0; watch_ == watch && (total < kReadBudget || (tls_ && tls_->has_pending()));) {
    const ConnectionHandler::Targets targets = handler_.read_targets();
    std::array<iovec, std::tuple_size_v<ConnectionHandler::Targets>> parts{};
    size_t room = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      parts.at(i) = {targets.at(i).data(), targets.at(i).size()};
      room += targets.at(i).size();
    }
    const ssize_t got = read_into(parts);
    if (got == 0) return fail({Code::kUnreachable, "closed by the peer"});
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return watch_what_is_wanted();
      return fail(unreachable("read", errno));
    }
    handler_.received(static_cast<size_t>(got));
    // A short read has emptied the socket; the next event tells of more. With TLS it may also have met
    // trouble.
    if (static_cast<size_t>(got) < room && !tls_) return;
    total += static_cast<size_t>(got);
  }
}

// Errors are left to receive(), which sees them too: closed() must not run inside write().
void Connection::flush() {
  while (!queue_.empty()) {
    std::array<iovec, kPartsAtOnce> parts{};
    size_t count = 0;
    size_t skip = sent_of_front_;
    for (const Outgoing& item : queue_) {
      if (count + 2 > parts.size()) break;
      for (const ByteView part : {as_bytes(item.text), item.body}) {
        const size_t skipped = std::min(skip, part.size());
        skip -= skipped;
        if (skipped == part.size()) continue;
        parts.at(count++) = {const_cast<uint8_t*>(part.data()) + skipped, part.size() - skipped};
      }
    }
    const ssize_t sent = write_from(std::span(parts).first(count));
    if (sent <= 0) break;
    advance(static_cast<size_t>(sent));
  }
  watch_what_is_wanted();
}

void Connection::watch_what_is_wanted() { want_writable(!queue_.empty() || (tls_ && tls_->wants_write())); }

void Connection::advance(size_t written) {
  queued_bytes_ -= written;
  sent_of_front_ += written;
  while (!queue_.empty() && sent_of_front_ >= queue_.front().size()) {
    sent_of_front_ -= queue_.front().size();
    queue_.pop_front();
  }
}

void Connection::want_writable(bool wanted) {
  if (wanted == writable_wanted_) return;
  writable_wanted_ = wanted;
  loop_.change(watch_, EPOLLIN | (wanted ? uint32_t{EPOLLOUT} : 0U));
}

}  // namespace thaw
