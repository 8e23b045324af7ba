#include "daemon/flash_device.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "daemon/config/config.h"
#include "lib/manifest/manifest.h"

namespace thaw {

Result<uint64_t> FlashDevice::open() {
  uint64_t wanted = 0;
  {
    MutexLock lock(mutex_);
    away_ = false;
    wanted = wanted_bytes_;
  }
  close();
  auto opened = open_sized(wanted);
  if (opened.ok()) return opened;
  close();
  MutexLock lock(mutex_);
  away_ = true;
  return opened;
}

// The daemon may have the lock: it takes it when it starts and the device is there.
Result<uint64_t> FlashDevice::open_sized(uint64_t bytes) {
  THAW_TRY(make_folders(std::filesystem::path(path_).parent_path(), 0700));
  THAW_ASSIGN(lock_, RunLock::acquire(path_ + ".lock", "flash file " + path_, ::getppid()));
  THAW_ASSIGN(fd_, open_disk_file(path_));
  THAW_ASSIGN(const uint64_t there, resize_disk_file(fd_.get(), bytes));
  if (there < kMinFlashBytes) {
    return Error{Code::kUsage, path_ + " has " + format_size(there) + "; the flash tier needs at least " +
                                   format_size(kMinFlashBytes)};
  }
  disk_ = std::make_unique<FlashDisk>(fd_.get());
  return there;
}

void FlashDevice::close() {
  disk_.reset();
  fd_.reset();
  lock_.reset();
}

bool FlashDevice::set_size(uint64_t bytes) {
  MutexLock lock(mutex_);
  if (away_) wanted_bytes_ = bytes;
  return away_;
}

// A larger file before the tier grows into it; a smaller one once nothing lies beyond.
Status FlashDevice::resize(uint64_t bytes, const std::function<Status(uint64_t)>& take) {
  uint64_t before = 0;
  {
    MutexLock lock(mutex_);
    before = wanted_bytes_;
  }
  THAW_ASSIGN(const uint64_t there, resize_disk_file(fd_.get(), std::max(bytes, before)));
  THAW_TRY(take(std::min(bytes, there)));
  THAW_TRY(resize_disk_file(fd_.get(), bytes));
  MutexLock lock(mutex_);
  wanted_bytes_ = bytes;
  return {};
}

void FlashDevice::stop() {
  if (disk_) disk_->stop();
}

void FlashDevice::read(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  disk_->file().read(offset, std::move(buffer), std::move(done));
}

void FlashDevice::write(uint64_t offset, Buffer buffer, Completion<Buffer> done) {
  disk_->file().write(offset, std::move(buffer), std::move(done));
}

void FlashDevice::sync(Completion<bool> done) { disk_->file().sync(std::move(done)); }

}  // namespace thaw
