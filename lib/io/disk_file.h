// DiskFile: reads and writes of one file or block device, whatever carries them out (io_uring, or threads
// where that is forbidden). Past the page cache where the file system can (O_DIRECT).
//
// Any thread may call; no call blocks. `done` gets the buffer back and runs on a thread of the file, where it
// must not wait. Errors: kFailed with the reason (EIO, ENOSPC); a read beyond the end of the file is
// kDamaged.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/completion.h"
#include "lib/base/executor.h"
#include "lib/base/file.h"

namespace thaw {

class DiskFile {
 public:
  static constexpr uint64_t kAlignment = 4096;

  virtual ~DiskFile() = default;

  // All of buffer.size() bytes at `offset`, or an error. REQUIRES: both are multiples of kAlignment
  virtual void read(uint64_t offset, Buffer buffer, Completion<Buffer> done) = 0;
  virtual void write(uint64_t offset, Buffer buffer, Completion<Buffer> done) = 0;
  // What was written before outlives a power loss once `done` has run.
  virtual void sync(Completion<bool> done) = 0;
};

// Opens a regular file, made with mode 0600 if it is missing (but not in /dev), or a block device, and locks
// it: kRefused when another process holds it. Blocks.
Result<Fd> open_disk_file(const std::string& path);

// Makes a regular file `wanted` bytes long, with holes; gives what there is: `wanted`, or a smaller device's
// size. Blocks.
Result<uint64_t> resize_disk_file(int fd, uint64_t wanted);

// DiskFile over pread and pwrite on somebody's threads. REQUIRES: `fd` and `threads` outlive it and what it
// began
class PooledDiskFile final : public DiskFile {
 public:
  PooledDiskFile(int fd, Executor& threads) : fd_(fd), threads_(threads) {}

  void read(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void write(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void sync(Completion<bool> done) override;

 private:
  const int fd_;
  Executor& threads_;
};

}  // namespace thaw
