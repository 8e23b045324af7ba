// Channel: how supervisor and worker talk, messages with descriptors over a SOCK_SEQPACKET socket pair.
//
// A message is one datagram: kind (1 byte), length of the key (2 bytes, host order), key, value; descriptors
// as SCM_RIGHTS. Both ends are the same program or its next version: kMaxMessageBytes and the numbers of the
// kinds stay. One thread at a time for each direction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

enum class MessageKind : uint8_t {
  kStart = 1,    // to the worker: /dev/fuse, control socket, counters
  kRecord = 2,   // to the worker: a record that it or its predecessor put
  kEarlier = 3,  // to the worker: a record that an earlier supervisor saved
  kBegin = 4,    // to the worker: that was all
  kReady = 5,    // to the supervisor: serving
  kPut = 6,      // to the supervisor
  kPutSaved = 7,
  kRemove = 8,
  kDone = 9,     // to the worker: the answer to one of the four above, and to kReloaded
  kFailed = 10,  // and its other answer; value: why
  kStop = 11,    // to the worker, on the socket for orders
  kReload = 12,
  kReloaded = 13,  // to the supervisor: what was ordered is done
};

inline constexpr size_t kMaxMessageBytes = 32 * 1024;
inline constexpr size_t kMaxMessageFds = 4;

struct Message {
  MessageKind kind{};
  std::string key;
  std::string value;
  std::vector<Fd> fds;
};

// Blocks while the other end does not read (SO_SNDTIMEO, where it is set).
Status send_message(int socket, const Message& message);

// Blocks until there is one. kUnreachable: the other end is gone.
Result<Message> receive_message(int socket);

struct ChannelPair {
  Fd supervisor;
  Fd worker;
};
Result<ChannelPair> make_channel();

}  // namespace thaw
