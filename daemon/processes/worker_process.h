// WorkerProcess: the supervisor's child that serves. Starting it, talking to it, ending it.
//
// Owned by the supervisor, one thread. A worker dies with the supervisor (PR_SET_PDEATHSIG, set by the child
// for its parent's only thread), so that it never serves what nobody would take down.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "daemon/processes/channel.h"
#include "daemon/processes/record_table.h"
#include "daemon/processes/resources.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/result.h"

namespace thaw {

class WorkerProcess {
 public:
  // Executes this program again, with `arguments`, and sends it the resources and records.
  static Result<WorkerProcess> start(const std::vector<std::string>& arguments, const Resources& resources,
                                     const RecordTable& table);

  pid_t pid() const { return pid_; }
  int records_socket() const { return records_.get(); }
  TimePoint started() const { return started_; }
  bool is_ready() const { return ready_; }
  void set_ready() { ready_ = true; }

  void order(MessageKind kind) const;
  void kill() const;

 private:
  WorkerProcess(pid_t pid, Fd records, Fd orders);
  Status send_start(const Resources& resources, const RecordTable& table) const;

  pid_t pid_;
  Fd records_;
  Fd orders_;
  TimePoint started_;
  bool ready_ = false;
};

}  // namespace thaw
