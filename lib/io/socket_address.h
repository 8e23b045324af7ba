// SocketAddress: where a TCP connection goes.
//
// A value; any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "lib/base/result.h"

namespace thaw {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool operator==(const SocketAddress& other) const {
    return length == other.length && std::memcmp(&storage, &other.storage, length) == 0;
  }
};

// `host`: an IPv4 or IPv6 address. kUsage when it is neither.
Result<SocketAddress> numeric_address(const std::string& host, uint16_t port);

// `host`: an IPv4 or IPv6 address, or a name, which is looked up and may block for seconds.
// kUnreachable when it cannot be resolved.
Result<SocketAddress> resolve_address(const std::string& host, uint16_t port);

}  // namespace thaw
