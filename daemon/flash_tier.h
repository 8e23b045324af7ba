// FlashTier: the flash store with what it stands on, its device. A device that is away is tried again by the
// store's thread; until it comes the tier is a miss. What changes about it is logged once.
//
// Owned by the worker. Constructed before the chain and destroyed after it.
#pragma once

#include <string>
#include <thread>

#include "cache/flash/flash_store.h"
#include "daemon/config/config.h"
#include "daemon/flash_device.h"

namespace thaw {

class FlashTier {
 public:
  struct Parts {
    CpuQueue& cpu;
    Timers& timers;
    TierCounters& counters;
  };

  // Starts to open and read what flash.path says; does not wait for it.
  FlashTier(const Config& config, const Parts& parts);
  ~FlashTier();
  FlashTier(const FlashTier&) = delete;
  FlashTier& operator=(const FlashTier&) = delete;

  FlashStore& store() { return store_; }

  // Gives the file and the tier another size, which takes effect before this returns, or once the device
  // comes. Blocks.
  Status resize(uint64_t bytes);
  // Looks at once whether a device that is away has come.
  void try_again() { store_.try_again(); }
  // flash.admit and flash.daily_rewrites, from now on.
  void set_admission(const Config& config);
  // Its share of memory.size, from now on.
  void set_share(const Config& config);
  // REQUIRES: the store is ready
  const FlashDisk& disk() const { return device_.disk(); }

 private:
  void tell_opened(const Status& opened);
  void tell_written(const Status& written) const;

  const std::string path_;
  FlashDevice device_;
  FlashStore store_;
  std::thread writer_;
};

}  // namespace thaw
