#include "lib/collect/update_root.h"

namespace thaw {

Result<Root> update_root(CollectRoom& room, const RootId& root, const std::function<void(Root&)>& change) {
  for (;;) {
    THAW_ASSIGN(StoredRoot stored, room.catalog.read_stored_root(root));
    change(stored.root);
    THAW_ASSIGN(const PutOutcome outcome, room.catalog.put_root(stored.root, stored.version));
    if (outcome == PutOutcome::kStored) return stored.root;
  }
}

}  // namespace thaw
