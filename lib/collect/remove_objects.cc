#include "lib/collect/remove_objects.h"

#include "lib/base/await.h"
#include "lib/base/mutex.h"
#include "lib/build/in_flight.h"
#include "lib/collect/alarms.h"
#include "lib/collect/root_contents.h"

namespace thaw {
namespace {

constexpr size_t kRemovalsInFlight = 32;
// A larger root is worth to be listed by prefix.
constexpr uint64_t kBatchesInARow = 8;
constexpr uint64_t kNoEnd = UINT64_MAX;

Status remove_each(Catalog& catalog, const std::vector<std::string>& keys) {
  InFlight in_flight(kRemovalsInFlight);
  for (const std::string& key : keys) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    catalog.store().remove(key, [done = std::move(done)](const Result<bool>& removed) mutable {
      done(removed.ok() ? Status() : Status(removed.error()));
    });
  }
  return in_flight.drain();
}

Status remove_batch(Catalog& catalog, const std::vector<ListedObject>& batch) {
  std::vector<std::string> keys;
  for (const ListedObject& object : batch) keys.push_back(object.key);
  const auto removed =
      await<bool>([&](Completion<bool> done) { catalog.store().remove_all(keys, std::move(done)); });
  if (removed.ok()) return {};
  // Ceph 16 removes many only for who may remove anything in the bucket; one by one it looks at each.
  if (removed.error().code == Code::kRefused) return remove_each(catalog, keys);
  return removed.error();
}

// Of one root. Several threads may remove at once.
class Removal {
 public:
  Removal(CollectRoom& room, const RootId& root, const ProgressFn& progress)
      : room_(room), root_(root), progress_(progress) {}

  // True when nothing is left below the folder after at most so many batches.
  Result<bool> remove_below(const std::string& folder, uint64_t most_batches) {
    ListOptions page{folder, "", kMaxRemovedAtOnce};
    for (uint64_t batches = 0; batches < most_batches; ++batches) {
      THAW_TRY(refuse_alarms(room_, root_));
      THAW_ASSIGN(std::vector<ListedObject> batch, room_.catalog.list(page));
      const size_t listed = batch.size();
      if (listed > 0) page.start_after = batch.back().key;
      std::erase_if(batch, [&](const ListedObject& object) { return object.key == root_key(root_); });
      THAW_TRY(remove_batch(room_.catalog, batch));
      count(batch);
      if (listed < kMaxRemovedAtOnce) return true;
    }
    return false;
  }

  RemovedObjects removed() EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    return removed_;
  }

 private:
  void count(const std::vector<ListedObject>& batch) EXCLUDES(mutex_) {
    uint64_t objects = 0;
    {
      const MutexLock lock(mutex_);
      for (const ListedObject& object : batch) removed_.bytes += object.size;
      objects = removed_.objects += batch.size();
    }
    // How many there are is not known before the end.
    if (progress_) progress_({objects, objects + kMaxRemovedAtOnce});
  }

  CollectRoom& room_;
  const RootId& root_;
  const ProgressFn& progress_;
  Mutex mutex_;
  RemovedObjects removed_ GUARDED_BY(mutex_);
};

}  // namespace

Result<RemovedObjects> remove_objects(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  Removal removal(room, root, progress);
  THAW_ASSIGN(const bool empty, removal.remove_below(root_folder(root), kBatchesInARow));
  if (!empty) {
    const auto remove = [&](const std::string& folder) -> Status {
      THAW_ASSIGN(const bool done, removal.remove_below(folder, kNoEnd));
      (void)done;
      return {};
    };
    THAW_TRY(for_each_prefix(room, root, remove, {}));
    THAW_ASSIGN(const bool done, removal.remove_below(root_folder(root), kNoEnd));
    (void)done;
  }
  return removal.removed();
}

}  // namespace thaw
