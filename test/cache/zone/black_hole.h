// BlackHole: a cache node on 127.0.0.1 that answers no attempt to connect, as one does behind a network that
// drops what is sent to it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "lib/base/file.h"
#include "lib/io/socket_address.h"

namespace thaw {

class BlackHole {
 public:
  // The kernel drops what comes once the queue of those that nobody accepts is full.
  BlackHole() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SocketAddress address = resolve_address("127.0.0.1", 0).value();
    REQUIRE(::bind(listener_.get(), address.get(), address.length) == 0);
    REQUIRE(::listen(listener_.get(), 0) == 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
    for (Fd& waiting : queue_) {
      waiting.reset(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      ::connect(waiting.get(), address.get(), address.length);
    }
  }

  std::string name() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  const Fd listener_;
  uint16_t port_ = 0;
  std::array<Fd, 4> queue_;
};

}  // namespace thaw
