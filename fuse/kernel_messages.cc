#include "fuse/kernel_messages.h"

#include <linux/fuse.h>

#include <cassert>
#include <cstring>

namespace thaw {
namespace {

// enum fuse_notify_code of Linux 6.9; Debian 12's header ends before it.
constexpr int kNotifyResend = 7;

fuse_in_header header_of(ByteView message) {
  fuse_in_header header{};
  std::memcpy(&header, message.data(), sizeof header);
  return header;
}

Bytes bytes_of(const fuse_out_header& header) {
  Bytes bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

}  // namespace

bool is_init_request(ByteView message) {
  if (message.size() < sizeof(fuse_in_header) || message.size() > kMaxInitBytes) return false;
  const fuse_in_header header = header_of(message);
  return header.opcode == FUSE_INIT && header.len == message.size();
}

uint64_t unique_of(ByteView message) { return header_of(message).unique; }

Bytes reply_for(ByteView bytes, uint64_t unique) {
  assert(bytes.size() >= sizeof(fuse_out_header));
  Bytes reply(bytes.begin(), bytes.end());
  std::memcpy(reply.data() + offsetof(fuse_out_header, unique), &unique, sizeof unique);
  return reply;
}

Bytes resend_notification() {
  fuse_out_header header{};
  header.len = sizeof header;
  header.error = kNotifyResend;
  return bytes_of(header);
}

}  // namespace thaw
