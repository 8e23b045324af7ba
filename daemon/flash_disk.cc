#include "daemon/flash_disk.h"

#include <utility>

#include "daemon/log/log.h"

namespace thaw {
namespace {

// Enough to keep a device busy; each holds one chunk at most.
constexpr size_t kThreads = 16;

}  // namespace

FlashDisk::FlashDisk(int fd) {
  auto ring = UringDiskFile::create(fd);
  if (ring.ok()) {
    ring_ = std::move(ring).value();
    ring_thread_ = start_thread("flash/ring", [this] { ring_->run(); });
    log_info("the flash tier reads and writes through io_uring");
    return;
  }
  threads_ = std::make_unique<WorkerPool>("flash", kThreads);
  pooled_ = std::make_unique<PooledDiskFile>(fd, *threads_);
  log_info("the flash tier reads and writes on {} threads, without io_uring: {}", kThreads,
           ring.error().message);
}

FlashDisk::~FlashDisk() { stop(); }

DiskFile& FlashDisk::file() {
  if (ring_) return *ring_;
  return *pooled_;
}

void FlashDisk::stop() {
  if (threads_) threads_->stop();
  if (!ring_thread_.joinable()) return;
  ring_->stop();
  ring_thread_.join();
}

}  // namespace thaw
