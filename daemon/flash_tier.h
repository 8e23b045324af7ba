// FlashTier: the flash store with what it stands on: its file, and the ring or the threads that read and
// write it.
//
// Owned by the worker. Constructed before the chain and destroyed after it.
#pragma once

#include <memory>
#include <thread>

#include "cache/flash/flash_store.h"
#include "daemon/config/config.h"
#include "daemon/flash_disk.h"
#include "lib/base/file.h"

namespace thaw {

class FlashTier {
 public:
  struct Parts {
    CpuQueue& cpu;
    Timers& timers;
    TierCounters& counters;
  };

  // Makes the file when it is missing, and starts to read it. kRefused when another process has it.
  static Result<std::unique_ptr<FlashTier>> open(const Config& config, const Parts& parts);
  ~FlashTier();
  FlashTier(const FlashTier&) = delete;
  FlashTier& operator=(const FlashTier&) = delete;

  FlashStore& store() { return store_; }

  // Gives the file and the tier another size, which takes effect before this returns. Blocks.
  Status resize(uint64_t bytes);
  // flash.admit and flash.daily_rewrites, from now on.
  void set_admission(const Config& config);
  // Its share of memory.size, from now on.
  void set_share(const Config& config);
  const FlashDisk& disk() const { return disk_; }

 private:
  FlashTier(Fd fd, uint64_t bytes, const Config& config, const Parts& parts);

  Fd fd_;
  uint64_t bytes_;
  FlashDisk disk_;
  FlashStore store_;
  std::thread writer_;
};

}  // namespace thaw
