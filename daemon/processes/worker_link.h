// WorkerLink: the worker's end of its connection with the supervisor: what it is given at its start, the
// records that it hands over, the orders that it gets.
//
// Owned by the worker's main. put() and remove() on any thread that may wait; next_order() on one thread.
// The supervisor's death ends the worker (PR_SET_PDEATHSIG), so that nobody serves without one.
#pragma once

#include <string>
#include <vector>

#include "daemon/mounts/records.h"
#include "daemon/processes/channel.h"
#include "lib/base/file.h"
#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

// What the supervisor inherits to its worker.
inline constexpr int kRecordsSocket = 3;
inline constexpr int kOrdersSocket = 4;

// What the supervisor logs, like the worker; see Config::log_level.
inline constexpr const char* kLogLevelRecord = "log/level";
// The record of the connection's FUSE_INIT; its value is the message.
inline constexpr const char* kFuseInitRecord = "fuse/init";

// What a worker finds when it starts.
struct Inheritance {
  Fd fuse;          // /dev/fuse, mounted on <run_dir>/fuse
  Fd control;       // the control API's listening socket
  Fd counters;      // shared memory, kCountersBytes, zero at first
  Bytes fuse_init;  // for SessionOptions::recorded_init; empty on the first start
  std::vector<Record> records;
  std::vector<Record> earlier;  // saved by a supervisor that is dead; without blobs
};

enum class Order : uint8_t { kStop, kReload };

class WorkerLink final : public RecordKeeper {
 public:
  // REQUIRES: started by a Supervisor, in its child. Ignores the signals that are the supervisor's.
  WorkerLink();

  // Once, first of all.
  Result<Inheritance> inherit();
  // Tells the supervisor that the worker serves.
  Status ready();

  Status put(Record record, Keep keep) override EXCLUDES(mutex_);
  Status remove(const std::string& key) override EXCLUDES(mutex_);

  // Waits for one. Who asks for the next has carried out the last. kStop also when the supervisor is gone.
  Order next_order();

 private:
  Status ask(const Message& message) EXCLUDES(mutex_);

  Fd records_;
  Fd orders_;
  bool reloading_ = false;  // ordered, and not reported yet
  Mutex mutex_;             // one question at a time
};

}  // namespace thaw
