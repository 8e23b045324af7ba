// Leases: tells collection which images this worker serves, by one object in the store that it writes anew
// whenever they change (docs/formats/store.md, "Order of writes").
//
// Owned by the worker. Thread contract: any thread that may wait for the store; no lock is held meanwhile.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "lib/base/clock.h"
#include "lib/base/mutex.h"
#include "lib/store/catalog.h"

namespace thaw {

class Leases {
 public:
  // A lease that lists an image is written again no sooner than this.
  static constexpr Duration kRenewed = std::chrono::minutes(10);

  // Manifests of the images that are shown now.
  using Shown = std::function<std::vector<Digest>()>;

  Leases(Catalog& catalog, const Identifier& holder, Shown shown)
      : catalog_(catalog), holder_(holder), shown_(std::move(shown)) {}

  const Identifier& holder() const { return holder_; }

  // Keeps manifests in the lease that are not shown yet, as long as it lives.
  class Hold {
   public:
    explicit Hold(Leases& leases) : leases_(leases) {}
    ~Hold() { leases_.drop(held_); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    // Once this is done the store's lease lists `manifest`. A worker that may not write into the store says
    // so once and goes on: then only names protect what it serves.
    Status add(const Digest& manifest);

   private:
    Leases& leases_;
    std::vector<Digest> held_;
  };

  // Writes the lease, so that it does not lapse and lists nothing that is gone.
  Status renew() EXCLUDES(mutex_);
  // Gives up all: the worker ends. Waits no longer than `patience`.
  void end(Duration patience) EXCLUDES(mutex_);

 private:
  Status list(const Digest& manifest) EXCLUDES(mutex_);
  void drop(const std::vector<Digest>& held) EXCLUDES(mutex_);
  Status write_next() REQUIRES(mutex_);
  Status write(const std::set<Digest>& manifests);

  Catalog& catalog_;
  const Identifier holder_;
  const Shown shown_;

  Mutex mutex_;
  CondVar changed_;
  bool writing_ GUARDED_BY(mutex_) = false;
  bool told_refused_ GUARDED_BY(mutex_) = false;
  std::multiset<Digest> held_ GUARDED_BY(mutex_);
  std::set<Digest> listed_ GUARDED_BY(mutex_);  // by the lease in the store
  TimePoint written_ GUARDED_BY(mutex_){};      // when that was put
};

}  // namespace thaw
