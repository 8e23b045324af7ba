// UringDiskFile: DiskFile over one io_uring, whose thread daemon/ starts with run() and ends with stop().
//
// Any thread may call read(), write(), sync() and stop(); completions run on the ring's thread, and after
// stop() inside the call. So many operations are with the kernel at once as create() was told; what comes
// beyond waits in a queue, whose length its callers bound. An operation owns its buffer until the kernel is
// done with it, also when the file is stopped. Errors: those of DiskFile; kCancelled for what was not begun
// when stop() was called. REQUIRES at destruction: run() has returned or was never called; nobody calls.
//
// The file is registered with the ring, buffers are not: what is read becomes a sealed chunk that stays in
// memory, so that a pool of registered buffers would cost a copy of each. Nor can the arena that buffers come
// from be registered: that would pin the pages which it gives back to the kernel, and the kernel would go on
// to write to those after others took their place.
#pragma once

#include <liburing.h>

#include <deque>
#include <memory>
#include <vector>

#include "lib/base/mutex.h"
#include "lib/io/disk_file.h"

namespace thaw {

class UringDiskFile final : public DiskFile {
 public:
  static constexpr uint32_t kDepth = 64;

  // kRefused where io_uring is forbidden (sysctl kernel.io_uring_disabled, seccomp); kFailed where the kernel
  // is too old or gives no memory. REQUIRES: `fd` outlives it
  static Result<std::unique_ptr<UringDiskFile>> create(int fd, uint32_t depth = kDepth);
  ~UringDiskFile() override;
  UringDiskFile(const UringDiskFile&) = delete;
  UringDiskFile& operator=(const UringDiskFile&) = delete;

  void read(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void write(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void sync(Completion<bool> done) override;

  // Until stop(), and then until the kernel is done with all that it was given. Once.
  void run();
  void stop();

 private:
  enum class Kind : uint8_t { kRead, kWrite, kSync };
  struct Operation {
    Kind kind = Kind::kRead;
    uint64_t offset = 0;
    Buffer buffer;
    Completion<Buffer> done;
    size_t moved = 0;  // bytes that were read or written so far
  };
  using Operations = std::deque<Operation>;

  explicit UringDiskFile(uint32_t depth);

  Status open_ring(int fd);
  Status try_ring();

  void submit(Operation operation);
  bool enqueue(Operation& operation) EXCLUDES(mutex_);
  void wake();
  bool begin_queued() EXCLUDES(mutex_);
  void begin(uint32_t slot);
  void listen();
  void wait();
  void take_results();
  void take_result(uint32_t slot, int result);
  void finish(uint32_t slot, Result<Buffer> result);

  const uint32_t depth_;
  Fd wake_;  // eventfd; a read of it is always in the ring

  // Of the ring's thread, and of create().
  io_uring ring_{};
  bool open_ = false;
  bool listening_ = false;            // a read of wake_ is with the kernel
  uint64_t woken_times_ = 0;          // what that reads
  std::vector<Operation> in_flight_;  // by slot, which is what the kernel hands back
  std::vector<uint32_t> free_slots_;

  Mutex mutex_;
  Operations queued_ GUARDED_BY(mutex_);
  bool woken_ GUARDED_BY(mutex_) = false;  // wake_ was written and not read yet
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace thaw
