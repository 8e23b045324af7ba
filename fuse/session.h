// Session: one FUSE connection, shown as a single read-only folder of block files.
//
// The kernel's mount is made elsewhere, by a process that keeps /dev/fuse open and outlives this one. A
// session that starts on a connection which an earlier process served replays the recorded FUSE_INIT to
// libfuse and asks the kernel to send again what was in flight: for readers a pause and not an error. No
// clone_fd: closing a clone aborts the requests that were read from it.
//
// Thread contract: run() on as many threads as should read requests; everything else on any thread. The owner
// calls stop(), joins the readers and destroys the session, which waits until every read is answered.
#pragma once

#include <memory>

#include "fuse/block_files.h"
#include "fuse/read_reply.h"
#include "lib/base/file.h"
#include "lib/base/result.h"
#include "lib/base/unique_function.h"

namespace thaw {

// What the mount has to agree on with the session ("max_read=…").
inline constexpr uint32_t kMountMaxRead = kMaxReadBytes;

struct SessionOptions {
  Bytes recorded_init;  // of the connection; empty on its first start
  // Keeps the FUSE_INIT where the next process finds it; called once on a first start, before it is answered.
  UniqueFunction<Status(ByteView)> record_init;
};

class Session {
 public:
  // Takes over /dev/fuse and makes the handshake, or resumes. `files` and `counters` outlive the session.
  static Result<Session> start(Fd device, BlockFiles& files, ReadCounters& counters, SessionOptions options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  // Serves requests until stop() or until the filesystem is unmounted.
  void run();

  // Makes every run() return once it has handed on the request at hand. Unread requests stay in the kernel.
  void stop();

 private:
  class Connection;
  explicit Session(std::unique_ptr<Connection> connection);

  std::unique_ptr<Connection> connection_;
};

}  // namespace thaw
