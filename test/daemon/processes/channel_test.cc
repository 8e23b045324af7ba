#include "daemon/processes/channel.h"

#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "daemon/mounts/records.h"

namespace thaw::channel_test {

TEST_CASE("messages carry bytes and descriptors") {
  const ChannelPair pair = make_channel().value();
  Message sent{MessageKind::kPut, "key", std::string("a\0b", 3), {}};
  sent.fds.push_back(make_blob(as_bytes("secret")).value());
  REQUIRE(send_message(pair.worker.get(), sent).ok());
  REQUIRE(send_message(pair.worker.get(), {MessageKind::kReady, {}, {}, {}}).ok());

  const auto got = receive_message(pair.supervisor.get());
  REQUIRE(got.ok());
  CHECK(got->kind == MessageKind::kPut);
  CHECK(got->key == "key");
  CHECK(got->value == std::string("a\0b", 3));
  REQUIRE(got->fds.size() == 1);
  CHECK(as_text(read_blob(got->fds[0]).value().view()) == "secret");
  CHECK(receive_message(pair.supervisor.get())->kind == MessageKind::kReady);
}

TEST_CASE("a message has a limit") {
  const ChannelPair pair = make_channel().value();
  const std::string largest(kMaxMessageBytes - 3, 'x');
  REQUIRE(send_message(pair.worker.get(), {MessageKind::kPut, {}, largest, {}}).ok());
  CHECK(receive_message(pair.supervisor.get())->value == largest);
  CHECK_FALSE(send_message(pair.worker.get(), {MessageKind::kPut, {}, largest + "x", {}}).ok());
}

TEST_CASE("what is not a message is refused") {
  const ChannelPair pair = make_channel().value();
  const Bytes cut = {1, 200, 0, 'k'};
  REQUIRE(::send(pair.worker.get(), cut.data(), cut.size(), 0) == 4);
  CHECK(receive_message(pair.supervisor.get()).error().code == Code::kDamaged);
  const Bytes long_one(kMaxMessageBytes + 1);
  REQUIRE(::send(pair.worker.get(), long_one.data(), long_one.size(), 0) > 0);
  CHECK(receive_message(pair.supervisor.get()).error().code == Code::kDamaged);
}

TEST_CASE("the end of the other process is seen") {
  ChannelPair pair = make_channel().value();
  pair.worker.reset();
  CHECK(receive_message(pair.supervisor.get()).error().code == Code::kUnreachable);
  CHECK(send_message(pair.supervisor.get(), {}).error().code == Code::kUnreachable);
}

TEST_CASE("a blob cannot be changed") {
  const Fd blob = make_blob(as_bytes("bytes")).value();
  CHECK(::pwrite(blob.get(), "x", 1, 0) < 0);
  CHECK(::ftruncate(blob.get(), 0) < 0);
}

}  // namespace thaw::channel_test
