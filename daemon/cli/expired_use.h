// ExpiredUse: a command that reads an image past the daemon tells collection, as a worker does, when it
// needed an expired root: by an alarm, without which the root would be deleted.
//
// One for each command. begin() and end() block and belong to one thread; store() is for any.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "daemon/store_session.h"
#include "lib/base/mutex.h"
#include "lib/store/watched_store.h"

namespace thaw {

class ExpiredUse {
 public:
  // `session` outlives it.
  static Result<std::unique_ptr<ExpiredUse>> begin(StoreSession& session, const OpenedImage& image);

  ObjectReader& store() { return watched_; }

  // Raises an alarm for each expired root that was read: `why`, in a line. What cannot be told is a warning
  // on stderr: the image was read all the same.
  void end(const std::string& why);

 private:
  explicit ExpiredUse(StoreSession& session);

  StoreSession& session_;
  WatchedStore watched_;
  Mutex mutex_;
  std::set<RootId> used_ GUARDED_BY(mutex_);
};

}  // namespace thaw
