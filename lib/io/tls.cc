#include "lib/io/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>
#include <new>
#include <utility>

namespace thaw {
namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// OpenSSL's own socket BIO raises SIGPIPE.
int send_quietly(BIO* bio, const char* bytes, int length) {
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))), bytes,
                              static_cast<size_t>(length), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int receive(BIO* bio, char* bytes, int length) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))), bytes,
                             static_cast<size_t>(length), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(made, send_quietly);
    BIO_meth_set_read(made, receive);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return method;
}

std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "the connection ended" : reason;
}

int size_of(const iovec& part) {
  return static_cast<int>(std::min<size_t>(part.iov_len, std::numeric_limits<int>::max()));
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

Result<std::shared_ptr<const TlsContext>> TlsContext::create(const std::string& authorities) {
  std::unique_ptr<ssl_ctx_st, Free> context(SSL_CTX_new(TLS_client_method()));
  if (!context) throw std::bad_alloc();
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (authorities.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context)));
  }
  const std::unique_ptr<BIO, FreeBio> text(
      BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size())));
  int found = 0;
  while (const auto certificate = std::unique_ptr<X509, FreeCertificate>(
             PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr))) {
    found += X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), certificate.get());
  }
  ERR_clear_error();
  if (found == 0) return Error{Code::kUsage, "there is no certificate in PEM format in it"};
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(context)));
}

TlsSession::TlsSession(const TlsContext& context, int socket, const std::string& server)
    : session_(SSL_new(context.context_.get())) {
  BIO* bio = session_ ? BIO_new(socket_method()) : nullptr;
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(session_.get(), bio, bio);
  SSL_set_connect_state(session_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session_.get()), server.c_str()) == 1) return;
  ERR_clear_error();  // it is no address
  SSL_set1_host(session_.get(), server.c_str());
  SSL_set_tlsext_host_name(session_.get(), server.c_str());
}

Result<bool> TlsSession::handshake() {
  ERR_clear_error();
  const int status = SSL_do_handshake(session_.get());
  if (status == 1) return true;
  const int error = SSL_get_error(session_.get(), status);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
  const long verified = SSL_get_verify_result(session_.get());
  std::string why = last_reason();
  if (verified != X509_V_OK) why = X509_verify_cert_error_string(verified);
  return Error{Code::kRefused, "TLS: " + why};
}

ssize_t TlsSession::failed(int status) const {
  switch (SSL_get_error(session_.get(), status)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    default:
      ERR_clear_error();
      errno = EPROTO;
      return -1;
  }
}

ssize_t TlsSession::read(std::span<const iovec> parts) {
  ssize_t total = 0;
  ERR_clear_error();
  for (const iovec& part : parts) {
    auto* to = static_cast<uint8_t*>(part.iov_base);
    for (int left = size_of(part); left > 0;) {
      const int got = SSL_read(session_.get(), to, left);
      if (got <= 0) return total > 0 ? total : failed(got);
      to += got;
      left -= got;
      total += got;
    }
  }
  return total;
}

ssize_t TlsSession::write(std::span<const iovec> parts) {
  ssize_t total = 0;
  ERR_clear_error();
  for (const iovec& part : parts) {
    const auto* from = static_cast<const uint8_t*>(part.iov_base);
    for (int left = size_of(part); left > 0;) {
      const int sent = SSL_write(session_.get(), from, left);
      if (sent <= 0) return total > 0 ? total : failed(sent);
      from += sent;
      left -= sent;
      total += sent;
    }
  }
  return total;
}

bool TlsSession::has_pending() const { return SSL_pending(session_.get()) > 0; }
bool TlsSession::wants_write() const { return SSL_want_write(session_.get()); }

}  // namespace thaw
