// FlashDevice: the file or block device of the flash tier as a DiskFile, from when it can be opened. It may
// be away at first, and another daemon may have it then.
//
// Owned by FlashTier. open() on one thread, with nothing under way; read(), write() and sync() only once it
// was ok, on any thread. resize() on any thread that may wait.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/flash_disk.h"
#include "daemon/processes/run_lock.h"
#include "lib/base/mutex.h"

namespace thaw {

class FlashDevice final : public DiskFile {
 public:
  // `bytes`: how large the file shall be.
  FlashDevice(std::string path, uint64_t bytes) : path_(std::move(path)), wanted_bytes_(bytes) {}
  // As stop().
  ~FlashDevice() override { stop(); }

  // Locks it, and makes it when it is a file and missing; gives its size. Closes first what was open.
  // kRefused when another daemon has it. Blocks.
  Result<uint64_t> open() EXCLUDES(mutex_);
  // What it is opened with, as long as it is away; false: too late.
  bool set_size(uint64_t bytes) EXCLUDES(mutex_);
  // Gives the file another size; `take` has its user go on with that or with less, a smaller device's.
  // Blocks. REQUIRES: open() was ok, and is not called again
  Status resize(uint64_t bytes, const std::function<Status(uint64_t)>& take) EXCLUDES(mutex_);
  // Returns when all that was asked for has completed. Blocks on the disk.
  void stop();

  void read(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void write(uint64_t offset, Buffer buffer, Completion<Buffer> done) override;
  void sync(Completion<bool> done) override;

  // REQUIRES: open() was ok
  const FlashDisk& disk() const { return *disk_; }

 private:
  Result<uint64_t> open_sized(uint64_t bytes);
  void close();

  const std::string path_;
  // Of open(), and constant once it was ok.
  std::optional<RunLock> lock_;
  Fd fd_;
  std::unique_ptr<FlashDisk> disk_;

  Mutex mutex_;
  uint64_t wanted_bytes_ GUARDED_BY(mutex_);
  bool away_ GUARDED_BY(mutex_) = true;
};

}  // namespace thaw
