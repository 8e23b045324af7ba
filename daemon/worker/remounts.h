// Remounts: mounts again what an earlier daemon had mounted. What fails is tried again, ever more rarely,
// until it is mounted or somebody does not want it any more: the store's or the keys' disk may not be mounted
// yet, and looks like an empty one until then.
//
// Owned by the worker. add() comes before all else; run() is a thread's own; any thread may call the rest. No
// lock is held while something is mounted.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "daemon/mounts/mount_table.h"
#include "daemon/mounts/records.h"
#include "lib/base/clock.h"
#include "lib/base/mutex.h"
#include "lib/base/result.h"

namespace thaw {

class Remounts {
 public:
  struct Pace {
    Duration first = std::chrono::seconds(1);  // after the first failure in a row; doubles with each
    Duration longest = std::chrono::seconds(60);
  };
  struct Waiting {
    MountRequest request;
    std::string why;  // the last failure; empty: it was not tried yet
  };
  using MountAgain = std::function<Status(const MountRequest&)>;

  explicit Remounts(RecordKeeper& records) : Remounts(records, Pace()) {}
  Remounts(RecordKeeper& records, Pace pace) : records_(records), pace_(pace) {}

  void add(std::vector<MountRequest> earlier);
  // Returns once nothing waits any more.
  void run(const MountAgain& mount) EXCLUDES(mutex_);
  // What failed is tried at once: settings changed.
  void hurry() EXCLUDES(mutex_);

  std::vector<Waiting> waiting() const EXCLUDES(mutex_);
  // Nobody wants that one any more, now or after a restart; waits while it is just tried. `target`: a
  // directory as `pid` sees it, or an id. kNotFound: none such waits, or it has been mounted meanwhile
  Status forget(const std::string& target, pid_t pid) EXCLUDES(mutex_);

 private:
  using Line = std::deque<Waiting>;

  enum class Outcome : uint8_t {
    kDone,   // or nobody is left who could see it
    kAway,   // the store or the key service cannot be reached: nor can it for the others
    kOther,  // this one's own trouble
  };
  Outcome try_first(const MountAgain& mount) EXCLUDES(mutex_);
  void drop(const MountRequest& request) EXCLUDES(mutex_);
  void put_last(const std::string& id, const Error& error) REQUIRES(mutex_);
  void pause(Duration time) EXCLUDES(mutex_);
  Line::iterator find(const std::string& id) REQUIRES(mutex_);

  RecordKeeper& records_;
  const Pace pace_;

  mutable Mutex mutex_;
  CondVar hurry_;
  CondVar tried_;
  bool hurried_ GUARDED_BY(mutex_) = false;
  std::string trying_ GUARDED_BY(mutex_);  // the id of what is being mounted, or empty
  Line waiting_ GUARDED_BY(mutex_);
};

}  // namespace thaw
