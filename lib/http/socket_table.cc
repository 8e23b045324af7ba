#include "lib/http/socket_table.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thaw {
namespace {

long local_port_of(curl_socket_t socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

}  // namespace

void SocketTable::watch(CURL* handle) {
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, &SocketTable::open);
  curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETFUNCTION, &SocketTable::close);
  curl_easy_setopt(handle, CURLOPT_CLOSESOCKETDATA, this);
}

curl_socket_t SocketTable::open(void* self, curlsocktype, curl_sockaddr* address) {
  const int socket = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (socket >= 0) static_cast<SocketTable*>(self)->ports_[socket] = 0;
  return socket;
}

int SocketTable::close(void* self, curl_socket_t socket) {
  static_cast<SocketTable*>(self)->ports_.erase(socket);
  return ::close(socket);
}

// A port is given when the connection is made, so it is looked up at the first use of each.
curl_socket_t SocketTable::find(long local_port) {
  for (auto& [socket, port] : ports_) {
    if (port == 0) port = local_port_of(socket);
    if (port == local_port) return socket;
  }
  return CURL_SOCKET_BAD;
}

void SocketTable::acknowledge(long local_port) {
  const curl_socket_t socket = local_port > 0 ? find(local_port) : CURL_SOCKET_BAD;
  if (socket == CURL_SOCKET_BAD) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

}  // namespace thaw
