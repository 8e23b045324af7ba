#include "lib/collect/remove_objects.h"

#include "lib/base/await.h"
#include "lib/build/in_flight.h"
#include "lib/collect/alarms.h"

namespace thaw {
namespace {

constexpr size_t kRemovalsInFlight = 32;

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

}  // namespace

Result<RemovedObjects> remove_objects(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  RemovedObjects removed;
  ListOptions page{root_folder(root), "", kMaxRemovedAtOnce};
  for (;;) {
    THAW_TRY(refuse_alarms(room, root));
    THAW_ASSIGN(std::vector<ListedObject> batch, room.catalog.list(page));
    const size_t listed = batch.size();
    if (listed > 0) page.start_after = batch.back().key;
    std::erase_if(batch, [&](const ListedObject& object) { return object.key == root_key(root); });
    THAW_TRY(remove_batch(room.catalog, batch));
    for (const ListedObject& object : batch) removed.bytes += object.size;
    removed.objects += batch.size();
    // How many there are is not known before the end.
    if (progress)
      progress({removed.objects, removed.objects + (listed < kMaxRemovedAtOnce ? 0 : kMaxRemovedAtOnce)});
    if (listed < kMaxRemovedAtOnce) return removed;
  }
}

}  // namespace thaw
