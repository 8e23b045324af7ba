#include "lib/collect/remove_objects.h"

#include "lib/build/in_flight.h"
#include "lib/collect/alarms.h"

namespace thaw {
namespace {

constexpr size_t kBatch = 1000;
constexpr size_t kRemovalsInFlight = 32;

Status remove_batch(Catalog& catalog, const std::vector<ListedObject>& batch) {
  InFlight in_flight(kRemovalsInFlight);
  for (const ListedObject& object : batch) {
    Completion<void> done = in_flight.start();
    if (!done) break;
    catalog.store().remove(object.key, [done = std::move(done)](const Result<bool>& removed) mutable {
      done(removed.ok() ? Status() : Status(removed.error()));
    });
  }
  return in_flight.drain();
}

}  // namespace

Result<RemovedObjects> remove_objects(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  RemovedObjects removed;
  ListOptions page{root_folder(root), "", kBatch};
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
    if (progress) progress({removed.objects, removed.objects + (listed < kBatch ? 0 : kBatch)});
    if (listed < kBatch) return removed;
  }
}

}  // namespace thaw
