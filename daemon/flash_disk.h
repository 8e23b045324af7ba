// FlashDisk: what carries out the flash tier's reads and writes: a ring (io_uring) with its thread, or, where
// the kernel allows none, threads that call pread and pwrite.
//
// Owned by FlashTier. file() may be used as DiskFile says; stop() is called once, by the owner.
#pragma once

#include <memory>
#include <thread>

#include "daemon/processes/worker_pool.h"
#include "lib/io/disk_file.h"
#include "lib/io/uring_disk_file.h"

namespace thaw {

class FlashDisk {
 public:
  // Logs which of both it is. REQUIRES: `fd` outlives it
  explicit FlashDisk(int fd);
  // As stop().
  ~FlashDisk();
  FlashDisk(const FlashDisk&) = delete;
  FlashDisk& operator=(const FlashDisk&) = delete;

  DiskFile& file();
  bool has_ring() const { return ring_ != nullptr; }

  // Returns when all that was asked for has completed. Blocks on the disk.
  void stop();

 private:
  std::unique_ptr<UringDiskFile> ring_;  // or both that follow
  std::unique_ptr<WorkerPool> threads_;
  std::unique_ptr<PooledDiskFile> pooled_;
  std::thread ring_thread_;
};

}  // namespace thaw
