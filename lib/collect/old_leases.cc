#include "lib/collect/old_leases.h"

#include <unordered_map>

#include "lib/collect/store_time.h"

namespace thaw {
namespace {

// Key → when it was written.
using Leases = std::unordered_map<std::string, uint64_t>;

Result<Leases> old_leases(CollectRoom& room) {
  THAW_ASSIGN(const uint64_t now, store_time(room.catalog));
  const auto kept = 2 * static_cast<uint64_t>(room.lease_lapse.count());
  Leases old;
  THAW_TRY(room.catalog.for_each(std::string(kLeaseFolder), [&](const ListedObject& object) -> Status {
    if (is_older_than(object, now, kept)) old.emplace(object.key, object.modified);
    return {};
  }));
  return old;
}

}  // namespace

Result<size_t> remove_old_leases(CollectRoom& room) {
  THAW_ASSIGN(const Leases old, old_leases(room));
  if (old.empty()) return size_t{0};
  // A worker may have woken since.
  THAW_ASSIGN(const Leases still, old_leases(room));
  size_t removed = 0;
  for (const auto& [key, written] : old) {
    const auto found = still.find(key);
    if (found == still.end() || found->second != written) continue;
    THAW_ASSIGN(const bool there, room.catalog.remove(key));
    if (there) ++removed;
  }
  return removed;
}

}  // namespace thaw
