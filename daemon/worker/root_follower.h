// RootFollower: follows the store's roots for this worker: where chunks may be looked for, which roots are
// expired; raises an alarm when an expired root is used, renews the lease, and asks the store now and then
// for a chunk that a cache had, so that warm caches cannot hide a wrong deletion.
//
// Owned by the worker. run() is a thread of its own, which waits for the store; the others note what was
// seen, on any thread, and never wait.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "daemon/worker/leases.h"
#include "lib/chunk/sealed_chunk.h"
#include "lib/metrics/collection_counters.h"
#include "lib/store/watched_store.h"

namespace thaw {

class RootFollower {
 public:
  struct Parts {
    Catalog& catalog;
    Leases& leases;
    CollectionCounters& counters;
    std::function<void(std::vector<RootId>)> set_roots;  // readable ones, newest first
    std::function<void(std::set<RootId>)> set_expired;
    Leases::Shown shown;
  };

  explicit RootFollower(Parts parts) : parts_(std::move(parts)) {}

  void note(Finding finding, const std::string& key) EXCLUDES(mutex_);
  // A cache had this chunk. Too many at a time are forgotten.
  void check_later(const ChunkRef& hit) EXCLUDES(mutex_);
  // Looks at the roots and writes the lease soon, and not only when the time has come.
  void hurry() EXCLUDES(mutex_);

  // Until the process ends.
  [[noreturn]] void run();
  // One look at everything.
  void look();

 private:
  // What run() has been told since it looked last.
  struct Noted {
    bool missing = false;  // something was not where it was looked for
    bool hurry = false;
    std::map<RootId, std::string> used;  // expired roots → an object of each
    std::deque<ChunkRef> hits;
  };

  Noted wait_for_work() EXCLUDES(mutex_);
  Status refresh_roots();
  Status check_mounts();
  Status check_hits(const std::deque<ChunkRef>& hits);
  Result<bool> is_in_a_root(const ChunkId& chunk);
  Status check_hit(const ChunkRef& hit);
  Status raise(const RootId& root, const std::string& why);
  void tell(const char* what, const Status& status);

  const Parts parts_;
  std::vector<Root> roots_;  // of run()'s thread: readable ones, newest first
  std::set<RootId> raised_;  // the same: who has an alarm of this worker
  TimePoint next_look_{};    // the same

  Mutex mutex_;
  CondVar changed_;
  Noted noted_ GUARDED_BY(mutex_);
};

}  // namespace thaw
