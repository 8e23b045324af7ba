// FlashTier: the flash store with what it stands on: its file, the threads that read and write it.
//
// Owned by the worker. Constructed before the chain and destroyed after it.
#pragma once

#include <memory>
#include <thread>

#include "cache/flash/flash_store.h"
#include "daemon/config/config.h"
#include "daemon/processes/worker_pool.h"
#include "lib/base/file.h"
#include "lib/io/disk_file.h"

namespace thaw {

class FlashTier {
 public:
  struct Parts {
    Executor& cpu;
    Timers& timers;
    TierCounters& counters;
  };

  // Makes the file when it is missing, and starts to read it. kRefused when another process has it.
  static Result<std::unique_ptr<FlashTier>> open(const Config& config, const Parts& parts);
  ~FlashTier();
  FlashTier(const FlashTier&) = delete;
  FlashTier& operator=(const FlashTier&) = delete;

  FlashStore& store() { return store_; }

 private:
  FlashTier(Fd fd, uint64_t bytes, const Config& config, const Parts& parts);

  Fd fd_;
  WorkerPool threads_;
  PooledDiskFile file_;
  FlashStore store_;
  std::thread writer_;
};

}  // namespace thaw
