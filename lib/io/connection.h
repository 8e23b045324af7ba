// Connection: one connection on an EventLoop, TCP or TLS over it, non-blocking. What arrives is read straight
// into memory that the handler names; what is written waits in a bounded queue.
//
// Belongs to the loop's thread, as does its handler. The handler may call write() and close() while it is
// called, but not destroy the connection.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "lib/io/event_loop.h"
#include "lib/io/socket_address.h"
#include "lib/io/tls.h"

namespace thaw {

class ConnectionHandler {
 public:
  // Filled in this order; empty ones are passed over, but not all are empty.
  using Targets = std::array<MutableBytes, 3>;

  virtual ~ConnectionHandler() = default;
  // Where the next bytes are to go.
  virtual Targets read_targets() = 0;
  // `bytes` of them have arrived.
  virtual void received(size_t bytes) = 0;
  // It ended: kUnreachable (refused, reset, closed by the peer), kTimedOut (while connecting), or kRefused
  // (the peer is not whom it should be, or does not speak TLS). Not after close(), and never inside a call of
  // the handler's.
  virtual void closed(Error why) = 0;
};

// `text`, then `body`; `owner` keeps the body alive.
struct Outgoing {
  std::string text;
  ByteView body;
  std::shared_ptr<const void> owner;

  size_t size() const { return text.size() + body.size(); }
};

class Connection final : public FdEvents {
 public:
  struct Options {
    size_t max_queued_bytes = 4 << 20;
    Duration connect_timeout = std::chrono::seconds(1);  // with TLS's handshake
    std::shared_ptr<const TlsContext> tls = {};          // null: none
    std::string server = {};                             // whom TLS has to find there
  };

  Connection(EventLoop& loop, ConnectionHandler& handler, Options options);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // What is written before it is connected waits in the queue. An error here is final: closed() does not
  // follow. REQUIRES: !is_open()
  Status connect(const SocketAddress& address);

  // False when the queue has no room for it, or the connection is not open.
  bool write(Outgoing what);
  // Whether write() would take `bytes` now.
  bool has_room(size_t bytes) const {
    return is_open() && queued_bytes_ + bytes <= options_.max_queued_bytes;
  }

  void close();
  bool is_open() const { return socket_.valid(); }

  void on_events(uint32_t events) override;

 private:
  void connect_timed_out(EventLoop::WatchId watch);
  void connected();
  void shake_hands();
  ssize_t read_into(std::span<const iovec> parts);
  ssize_t write_from(std::span<iovec> parts);
  void receive();
  void flush();
  void advance(size_t written);
  void want_writable(bool wanted);
  void watch_what_is_wanted();
  void fail(Error why);

  EventLoop& loop_;
  ConnectionHandler& handler_;
  const Options options_;

  // Lets a timer see that the connection is gone.
  const std::shared_ptr<Connection*> self_ = std::make_shared<Connection*>(this);
  Fd socket_;
  std::optional<TlsSession> tls_;
  EventLoop::WatchId watch_ = 0;
  bool connecting_ = false;
  bool writable_wanted_ = false;
  std::deque<Outgoing> queue_;
  size_t sent_of_front_ = 0;
  size_t queued_bytes_ = 0;
};

}  // namespace thaw
