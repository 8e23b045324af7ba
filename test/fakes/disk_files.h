// Both kinds of DiskFile with the threads that they need, for tests that run over each.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "lib/io/uring_disk_file.h"
#include "test/fakes/executors.h"

namespace thaw {

enum class DiskKind { kThreads, kRing };

// Those that this kernel allows; GENERATE(from_range(disk_kinds())).
inline std::vector<DiskKind> disk_kinds() {
  std::vector<DiskKind> kinds = {DiskKind::kThreads};
  if (UringDiskFile::create(0, 1).ok()) kinds.push_back(DiskKind::kRing);
  return kinds;
}

class RunningDiskFile {
 public:
  // REQUIRES: `fd` outlives it
  RunningDiskFile(DiskKind kind, int fd, size_t threads = 4, uint32_t depth = UringDiskFile::kDepth) {
    if (kind == DiskKind::kThreads) {
      pool_ = std::make_unique<ThreadPool>(threads);
      pooled_ = std::make_unique<PooledDiskFile>(fd, *pool_);
      return;
    }
    ring_ = UringDiskFile::create(fd, depth).value();
    ring_thread_ = std::thread([this] { ring_->run(); });
  }
  ~RunningDiskFile() { stop(); }
  RunningDiskFile(const RunningDiskFile&) = delete;
  RunningDiskFile& operator=(const RunningDiskFile&) = delete;

  DiskFile& file() {
    if (ring_) return *ring_;
    return *pooled_;
  }
  // Returns when all that was asked for has completed.
  void stop() {
    pool_.reset();
    if (!ring_thread_.joinable()) return;
    ring_->stop();
    ring_thread_.join();
  }

 private:
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<PooledDiskFile> pooled_;
  std::unique_ptr<UringDiskFile> ring_;
  std::thread ring_thread_;
};

}  // namespace thaw
