#include "lib/io/socket_address.h"

#include <netdb.h>

#include <cstring>
#include <memory>

namespace thaw {

namespace {

Result<SocketAddress> find_address(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) return Error{Code::kUnreachable, host + ": " + ::gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  return address;
}

}  // namespace

Result<SocketAddress> numeric_address(const std::string& host, uint16_t port) {
  auto address = find_address(host, port, AI_NUMERICHOST);
  if (!address.ok()) return Error{Code::kUsage, host + ": not an address"};
  return address;
}

Result<SocketAddress> resolve_address(const std::string& host, uint16_t port) {
  return find_address(host, port, 0);
}

}  // namespace thaw
