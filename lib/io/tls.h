// TLS for a client on a non-blocking socket, by OpenSSL: 1.2 or later, and the peer must have a certificate
// of an authority that is believed, for the name by which it was asked for.
//
// TlsContext: whom to believe. Immutable; any thread. TlsSession: one connection; belongs to its loop's
// thread.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <memory>
#include <span>
#include <string>

#include "lib/base/result.h"

struct ssl_ctx_st;
struct ssl_st;

namespace thaw {

class TlsContext {
 public:
  // `authorities`: certificates in PEM; empty: the system's. kUsage when there is none in it.
  static Result<std::shared_ptr<const TlsContext>> create(const std::string& authorities);

 private:
  friend class TlsSession;
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(std::unique_ptr<ssl_ctx_st, Free> context) : context_(std::move(context)) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

class TlsSession {
 public:
  // `server`: a name or an address, which the certificate must be for. The socket outlives the session.
  // Throws std::bad_alloc.
  TlsSession(const TlsContext& context, int socket, const std::string& server);

  // False: it waits for the socket. kRefused: the peer is not believed, or does not speak TLS.
  Result<bool> handshake();

  // As readv(2) and writev(2), with errno EAGAIN or EPROTO; what was read before trouble is given first.
  ssize_t read(std::span<const iovec> parts);
  ssize_t write(std::span<const iovec> parts);

  // Bytes that the socket shows no more, and that read() has.
  bool has_pending() const;
  // The socket has to become writable before it goes on, even to read.
  bool wants_write() const;

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  ssize_t failed(int status) const;

  std::unique_ptr<ssl_st, Free> session_;
};

}  // namespace thaw
