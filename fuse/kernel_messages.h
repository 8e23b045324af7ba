// The few messages of the kernel's FUSE protocol that libfuse cannot be left alone with, as <linux/fuse.h>
// defines them: they are what lets a new process go on with another one's connection.
#pragma once

#include <cstdint>

#include "lib/base/buffer.h"

namespace thaw {

// The largest FUSE_INIT that is recorded; the kernel's has 104 bytes.
inline constexpr size_t kMaxInitBytes = 4096;

// Whether `message`, as read from /dev/fuse, is a whole FUSE_INIT request.
bool is_init_request(ByteView message);

// REQUIRES: is_init_request(message)
uint64_t unique_of(ByteView message);

// The reply `bytes`, addressed to the request `unique`. REQUIRES: bytes holds a fuse_out_header
Bytes reply_for(ByteView bytes, uint64_t unique);

// FUSE_NOTIFY_RESEND (since Linux 6.9): makes the kernel send again every request that it has no answer to.
Bytes resend_notification();

}  // namespace thaw
