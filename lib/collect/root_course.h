// A root's course: active → retired → expired → deleted. Each step is a compare-and-swap of its root.json
// after everything that it promises was done, may be broken off anywhere, and is then simply run again
// (docs/formats/store.md, "Deletion").
#pragma once

#include "lib/collect/copy_forward.h"

namespace thaw {

struct CourseReport {
  Root root;
  CopyCounts copied;
  uint64_t removed = 0;  // objects
  uint64_t removed_bytes = 0;
};

// Makes an active root with the newest one's salt, or with `salt`. The store must not be empty.
Result<Root> create_root(CollectRoom& room, unsigned share, const std::optional<Identifier>& salt);

// No build uses it any more; what is live in it is copied into an active root. kRefused when there is no
// other active root.
Result<CourseReport> retire_root(CollectRoom& room, const RootId& root, const ProgressFn& progress);

// Whoever still uses it raises an alarm from now on.
Result<CourseReport> expire_root(CollectRoom& room, const RootId& root, const ProgressFn& progress);

// Nobody reads it any more; once nothing live is in it alone, all of it is removed but its root.json.
// kRefused when it has an alarm, also one that comes meanwhile.
Result<CourseReport> delete_root(CollectRoom& room, const RootId& root, const ProgressFn& progress);

}  // namespace thaw
