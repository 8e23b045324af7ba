#include "lib/collect/update_root.h"

namespace thaw {
namespace {

// Who loses so often in a row loses to something that is broken.
constexpr unsigned kMaxTries = 32;

}  // namespace

Result<StoredRoot> read_known(CollectRoom& room, const RootId& root) {
  auto stored = room.catalog.read_stored_root(root);
  if (!stored.ok() && stored.error().code == Code::kNotFound)
    return Error{Code::kNotFound, "there is no root " + root + "; see 'thaw roots list'"};
  return stored;
}

Result<Root> update_root(CollectRoom& room, const RootId& root, const std::function<void(Root&)>& change) {
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    THAW_ASSIGN(StoredRoot stored, room.catalog.read_stored_root(root));
    change(stored.root);
    THAW_ASSIGN(const PutOutcome outcome, room.catalog.put_root(stored.root, stored.version));
    if (outcome == PutOutcome::kStored) return stored.root;
  }
  return Error{Code::kUnreachable, "root " + root + " was changed by others " + std::to_string(kMaxTries) +
                                       " times in a row; see what changes it, and try again"};
}

}  // namespace thaw
