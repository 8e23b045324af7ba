#include "fuse/kernel_messages.h"

#include <linux/fuse.h>

#include <catch2/catch.hpp>
#include <cstring>

namespace thaw::kernel_messages_test {
namespace {

Bytes init_request() {
  fuse_in_header header{};
  header.len = sizeof header + sizeof(fuse_init_in);
  header.opcode = FUSE_INIT;
  header.unique = 2;
  Bytes bytes(header.len);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace

TEST_CASE("a FUSE_INIT is told from anything else") {
  Bytes message = init_request();
  REQUIRE(is_init_request(message));
  CHECK(unique_of(message) == 2);

  Bytes cut(message.begin(), message.end() - 1);
  CHECK_FALSE(is_init_request(cut));
  CHECK_FALSE(is_init_request(ByteView(message).first(sizeof(fuse_in_header) - 1)));
  CHECK_FALSE(is_init_request({}));
  CHECK_FALSE(is_init_request(Bytes(kMaxInitBytes + 1)));

  message[offsetof(fuse_in_header, opcode)] = FUSE_READ;
  CHECK_FALSE(is_init_request(message));
}

TEST_CASE("a reply can be addressed anew") {
  fuse_out_header header{};
  header.len = sizeof header + 3;
  header.unique = 2;
  Bytes reply(sizeof header);
  std::memcpy(reply.data(), &header, sizeof header);
  reply.insert(reply.end(), {7, 8, 9});

  const Bytes again = reply_for(reply, uint64_t{1} << 63 | 2);
  std::memcpy(&header, again.data(), sizeof header);
  CHECK(header.unique == (uint64_t{1} << 63 | 2));
  CHECK(header.len == again.size());
  CHECK(Bytes(again.end() - 3, again.end()) == Bytes{7, 8, 9});
}

TEST_CASE("the request to resend is a notification without a body") {
  const Bytes message = resend_notification();
  fuse_out_header header{};
  REQUIRE(message.size() == sizeof header);
  std::memcpy(&header, message.data(), sizeof header);
  CHECK(header.len == sizeof header);
  CHECK(header.error == 7);
  CHECK(header.unique == 0);
}

}  // namespace thaw::kernel_messages_test
