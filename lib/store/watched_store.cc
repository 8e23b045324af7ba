#include "lib/store/watched_store.h"

namespace thaw {

void WatchedStore::get(const std::string& key, const GetOptions& options, Completion<Object> done) {
  below_.get(key, options, [this, key, done = std::move(done)](Result<Object> answer) mutable {
    look(key, answer.ok(), answer.ok() ? Code::kFailed : answer.error().code);
    done(std::move(answer));
  });
}

void WatchedStore::size_of(const std::string& key, Completion<uint64_t> done) {
  below_.size_of(key, std::move(done));
}

void WatchedStore::list(const ListOptions& options, Completion<std::vector<ListedObject>> done) {
  below_.list(options, std::move(done));
}

void WatchedStore::set_expired(std::set<RootId> roots) {
  const MutexLock lock(mutex_);
  expired_ = std::move(roots);
}

void WatchedStore::look(const std::string& key, bool found, Code code) const {
  if (!found) {
    if (code == Code::kNotFound) on_finding_(Finding::kMissing, key);
    return;
  }
  bool expired = false;
  {
    const MutexLock lock(mutex_);
    expired = expired_.contains(root_of_key(key));
  }
  if (expired) on_finding_(Finding::kExpired, key);
}

}  // namespace thaw
