// WatchedStore: the store as it is read, with an eye on what collection does meanwhile: a chunk that comes
// from an expired root, or that a root lacks, is told to who follows the roots.
//
// Owned by who reads; the store below outlives it. Any thread may call; `on_finding` is called on the
// store's threads and must not wait.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "lib/base/mutex.h"
#include "lib/store/object_store.h"
#include "lib/store/paths.h"

namespace thaw {

enum class Finding : uint8_t {
  kExpired,  // an object of an expired root was read
  kMissing,  // an object was not there: the roots may have changed
};

class WatchedStore final : public ObjectReader {
 public:
  using OnFinding = std::function<void(Finding, const std::string& key)>;

  WatchedStore(ObjectReader& below, OnFinding on_finding)
      : below_(below), on_finding_(std::move(on_finding)) {}

  void get(const std::string& key, const GetOptions& options, Completion<Object> done) override;
  void size_of(const std::string& key, Completion<uint64_t> done) override;
  void list(const ListOptions& options, Completion<std::vector<ListedObject>> done) override;

  // Those whose use is told, from now on.
  void set_expired(std::set<RootId> roots) EXCLUDES(mutex_);

 private:
  void look(const std::string& key, bool found, Code code) const EXCLUDES(mutex_);

  ObjectReader& below_;
  const OnFinding on_finding_;
  mutable Mutex mutex_;
  std::set<RootId> expired_ GUARDED_BY(mutex_);
};

}  // namespace thaw
