#include "lib/io/connection.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <future>

#include "test/fakes/loop_thread.h"

namespace thaw::connection_test {
namespace {

// A listening socket on a free port of 127.0.0.1; the test plays the peer, blocking.
struct Peer {
  Peer() : listener(::socket(AF_INET, SOCK_STREAM, 0)) {
    address = resolve_address("127.0.0.1", 0).value();
    REQUIRE(::bind(listener.get(), address.get(), address.length) == 0);
    REQUIRE(::listen(listener.get(), 4) == 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
  }
  Fd accept() { return Fd(::accept(listener.get(), nullptr, nullptr)); }

  Fd listener;
  SocketAddress address;
};

// Reads `want` bytes into one piece of memory.
struct Handler final : ConnectionHandler {
  explicit Handler(size_t want) : memory(want) {}

  Targets read_targets() override { return {MutableBytes(), MutableBytes(memory).subspan(used), spare}; }
  void received(size_t bytes) override {
    used += bytes;
    if (used == memory.size()) whole.set_value();
  }
  void closed(Error why) override { ended.set_value(std::move(why)); }

  Bytes memory;
  Bytes spare = Bytes(16);
  size_t used = 0;
  std::promise<void> whole;
  std::promise<Error> ended;
};

struct Fixture {
  explicit Fixture(size_t want, Connection::Options options = {})
      : handler(want), connection(loop.loop(), handler, options) {}
  ~Fixture() { loop.stop(); }
  void connect() {
    loop.run([this] { REQUIRE(connection.connect(peer.address).ok()); });
  }

  Peer peer;
  LoopThread loop;
  Handler handler;
  Connection connection;
};

}  // namespace

TEST_CASE("bytes arrive in the handler's memory, and leave in order", "[connection]") {
  Fixture test(300000);
  test.connect();
  Fd peer = test.peer.accept();

  auto body = std::make_shared<Bytes>(200000, uint8_t{'b'});
  test.loop.run([&] {
    CHECK(test.connection.write({"head", *body, body}));
    CHECK(test.connection.write({"tail", {}, {}}));
  });
  body.reset();
  std::string got(200008, 0);
  REQUIRE(::recv(peer.get(), got.data(), got.size(), MSG_WAITALL) == 200008);
  CHECK(got == "head" + std::string(200000, 'b') + "tail");

  const Bytes sent(300000, uint8_t{'s'});
  REQUIRE(write_all(peer.get(), sent).ok());
  test.handler.whole.get_future().get();
  CHECK(test.handler.memory == sent);

  peer.reset();
  CHECK(test.handler.ended.get_future().get().code == Code::kUnreachable);
}

TEST_CASE("the write queue is bounded", "[connection]") {
  Fixture test(1, {.max_queued_bytes = 1000});
  test.loop.run([&] { CHECK_FALSE(test.connection.write({"not connected yet", {}, {}})); });
  test.connect();
  test.loop.run([&] {
    CHECK_FALSE(test.connection.write({std::string(1001, 'x'), {}, {}}));
    CHECK(test.connection.write({std::string(1000, 'x'), {}, {}}));
  });
}

TEST_CASE("a refused connection ends with an error", "[connection]") {
  Fixture test(1);
  test.peer.listener.reset();
  test.connect();
  CHECK(test.handler.ended.get_future().get().code == Code::kUnreachable);
}

TEST_CASE("nothing is heard after close, and it can connect again", "[connection]") {
  Fixture test(1);
  test.connect();
  Fd first = test.peer.accept();
  test.loop.run([&] { test.connection.close(); });
  test.connect();
  Fd second = test.peer.accept();
  REQUIRE(write_all(second.get(), as_bytes("x")).ok());
  test.handler.whole.get_future().get();
  CHECK(test.handler.memory[0] == 'x');
}

TEST_CASE("a name that does not resolve is unreachable", "[connection]") {
  CHECK(resolve_address("no-such-host.invalid", 1).error().code == Code::kUnreachable);
  CHECK(resolve_address("::1", 11211).ok());
}

TEST_CASE("a name is no numeric address", "[connection]") {
  CHECK(numeric_address("127.0.0.1", 1).value() == resolve_address("127.0.0.1", 1).value());
  CHECK(numeric_address("::1", 1).ok());
  CHECK(numeric_address("localhost", 1).error().code == Code::kUsage);
}

}  // namespace thaw::connection_test
