#include "daemon/processes/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace thaw {
namespace {

constexpr size_t kPrefixBytes = 3;
// A supervisor that waits longer for a worker takes it for stuck.
constexpr timeval kSendTimeout{.tv_sec = 2, .tv_usec = 0};

struct alignas(cmsghdr) ControlBytes {
  std::array<char, CMSG_SPACE(kMaxMessageFds * sizeof(int))> bytes{};
};

Bytes encode(const Message& message) {
  Bytes bytes(kPrefixBytes);
  const auto key_length = static_cast<uint16_t>(message.key.size());
  bytes[0] = static_cast<uint8_t>(message.kind);
  std::memcpy(bytes.data() + 1, &key_length, sizeof key_length);
  bytes.insert(bytes.end(), message.key.begin(), message.key.end());
  bytes.insert(bytes.end(), message.value.begin(), message.value.end());
  return bytes;
}

Result<Message> decode(ByteView bytes) {
  uint16_t key_length = 0;
  if (bytes.size() < kPrefixBytes) return Error{Code::kDamaged, "a message without a head"};
  std::memcpy(&key_length, bytes.data() + 1, sizeof key_length);
  if (bytes.size() < kPrefixBytes + key_length) return Error{Code::kDamaged, "a message without its key"};
  Message message;
  message.kind = static_cast<MessageKind>(bytes[0]);
  message.key = as_text(bytes.subspan(kPrefixBytes, key_length));
  message.value = as_text(bytes.subspan(kPrefixBytes + key_length));
  return message;
}

void attach_fds(const std::vector<Fd>& fds, ControlBytes& control, msghdr& header) {
  if (fds.empty()) return;
  header.msg_control = control.bytes.data();
  header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  for (size_t i = 0; i < fds.size(); ++i) {
    const int fd = fds[i].get();
    std::memcpy(CMSG_DATA(part) + i * sizeof fd, &fd, sizeof fd);
  }
}

std::vector<Fd> take_fds(msghdr& header) {
  std::vector<Fd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Status send_message(int socket, const Message& message) {
  if (kPrefixBytes + message.key.size() + message.value.size() > kMaxMessageBytes ||
      message.fds.size() > kMaxMessageFds) {
    return Error{Code::kFailed, "a message of more than 32 KiB: " + message.key};
  }
  Bytes bytes = encode(message);
  iovec part{bytes.data(), bytes.size()};
  ControlBytes control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  attach_fds(message.fds, control, header);
  for (;;) {
    if (::sendmsg(socket, &header, MSG_NOSIGNAL) >= 0) return {};
    if (errno == EINTR) continue;
    Error error = system_error("send to the other process", errno);
    error.code = Code::kUnreachable;
    return error;
  }
}

Result<Message> receive_message(int socket) {
  Bytes bytes(kMaxMessageBytes);
  iovec part{bytes.data(), bytes.size()};
  ControlBytes control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t n = -1;
  do {
    n = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return Error{Code::kUnreachable, "the other process is gone"};
  std::vector<Fd> fds = take_fds(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return Error{Code::kDamaged, "a message that was cut, perhaps for lack of file descriptors"};
  }
  THAW_ASSIGN(Message message, decode(ByteView(bytes).first(static_cast<size_t>(n))));
  message.fds = std::move(fds);
  return message;
}

Result<ChannelPair> make_channel() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return system_error("socketpair", errno);
  ChannelPair pair{Fd(ends[0]), Fd(ends[1])};
  if (::setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout) != 0) {
    return system_error("socketpair", errno);
  }
  return pair;
}

}  // namespace thaw
