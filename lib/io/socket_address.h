// SocketAddress: where a TCP connection goes.
//
// A value; any thread.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace thaw {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// `host`: an IPv4 or IPv6 address, or a name, which is looked up and may block for seconds.
// kUnreachable when it cannot be resolved.
Result<SocketAddress> resolve_address(const std::string& host, uint16_t port);

}  // namespace thaw
