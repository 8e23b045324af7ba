#include "lib/collect/root_course.h"

#include <algorithm>
#include <chrono>

#include "lib/collect/alarms.h"
#include "lib/collect/audit.h"
#include "lib/collect/move_live.h"
#include "lib/collect/remove_objects.h"
#include "lib/collect/store_time.h"
#include "lib/collect/update_root.h"

namespace thaw {
namespace {

// A root that another collector empties meanwhile looks as if it had gaps.
constexpr int kLooks = 3;

Error wrong_state(const Root& root, const char* wanted, const char* remedy) {
  return Error{Code::kRefused, "root " + root.id + " is " + std::string(root_state_name(root.state)) +
                                   " and not " + wanted + "; " + remedy};
}

uint64_t seconds_for_people() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
}

// `next` has the new state. kRefused when somebody else changed the root since it was read.
Result<Root> change(CollectRoom& room, const StoredRoot& stored, RootState state) {
  Root next = stored.root;
  next.state = state;
  THAW_ASSIGN(next.changed, store_time(room.catalog));
  THAW_ASSIGN(const PutOutcome outcome, room.catalog.put_root(next, stored.version));
  if (outcome == PutOutcome::kStored) return next;
  THAW_ASSIGN(const Root now, room.catalog.read_root(next.id));
  if (now.state == state) return now;
  return Error{Code::kRefused, "root " + next.id + " was changed by somebody else; try again"};
}

Status need_other_active(CollectRoom& room, const RootId& root) {
  THAW_ASSIGN(const std::vector<Root> roots, room.catalog.readable_roots());
  const bool other = std::ranges::any_of(roots, [&](const Root& candidate) {
    return candidate.id != root && candidate.state == RootState::kActive;
  });
  if (other) return {};
  return Error{Code::kRefused,
               "root " + root + " is the only active one, and builds need one; see 'thaw roots create'"};
}

// Of images that the root does not hold it may have chunks that are nowhere else.
Status refuse_gaps(CollectRoom& room, const ProgressFn& progress) {
  Status refused;
  for (int looks = 0; looks < kLooks; ++looks) {
    THAW_ASSIGN(const AuditReport audit, check_store(room, progress));
    refused = refuse_problems(audit.problems);
    if (refused.ok()) break;
  }
  return refused;
}

void mark_emptied(Root& root) {
  root.emptied = true;
  root.counted.reset();
}

}  // namespace

Result<Root> create_root(CollectRoom& room, unsigned share, const std::optional<Identifier>& salt) {
  THAW_ASSIGN(const std::vector<Root> roots, room.catalog.roots());
  if (roots.empty())
    return Error{Code::kNotFound, "the store is empty; the first build makes the first root"};
  const Identifier inherited = salt.value_or(roots.front().salt_id);
  const Result<Object> record = room.catalog.read(salt_key(inherited), kMaxSaltRecordBytes);
  if (!record.ok() && record.error().code == Code::kNotFound)
    return Error{Code::kDamaged, "the store has lost the salt that the root would inherit; use --new-salt"};
  if (!record.ok()) return record.error();
  return room.catalog.add_root(inherited, share, seconds_for_people());
}

Result<CourseReport> retire_root(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  CourseReport report;
  THAW_ASSIGN(const StoredRoot stored, read_known(room, root));
  report.root = stored.root;
  if (stored.root.state == RootState::kActive) {
    THAW_TRY(need_other_active(room, root));
    THAW_ASSIGN(report.root, change(room, stored, RootState::kRetired));
  } else if (stored.root.state != RootState::kRetired) {
    return wrong_state(stored.root, "active", "see 'thaw roots list'");
  }
  THAW_ASSIGN(report.copied, move_live(room, root, progress));
  return report;
}

Result<CourseReport> expire_root(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  CourseReport report;
  THAW_ASSIGN(const StoredRoot stored, read_known(room, root));
  report.root = stored.root;
  if (stored.root.state == RootState::kExpired) return report;
  if (stored.root.state != RootState::kRetired)
    return wrong_state(stored.root, "retired", "a root is retired before it expires");
  THAW_ASSIGN(report.copied, move_live(room, root, progress));
  THAW_ASSIGN(report.root, change(room, stored, RootState::kExpired));
  return report;
}

Result<CourseReport> delete_root(CollectRoom& room, const RootId& root, const ProgressFn& progress) {
  CourseReport report;
  THAW_ASSIGN(const StoredRoot stored, read_known(room, root));
  report.root = stored.root;
  if (stored.root.state == RootState::kExpired) {
    THAW_TRY(refuse_alarms(room, root));
    THAW_ASSIGN(report.copied, move_live(room, root, progress));
    THAW_ASSIGN(const CopyCounts mended, mend_copies(room, root, progress));
    report.copied += mended;
    THAW_TRY(refuse_gaps(room, progress));
    THAW_ASSIGN(report.root, change(room, stored, RootState::kDeleted));
  } else if (stored.root.state != RootState::kDeleted) {
    return wrong_state(stored.root, "expired", "a root is retired and expired before it is deleted");
  }
  // Whoever began to use something of it until then is seen now; whoever comes later sees that it is deleted.
  THAW_ASSIGN(const CopyCounts late, move_live(room, root, progress));
  report.copied += late;
  THAW_ASSIGN(const RemovedObjects removed, remove_objects(room, root, progress));
  report.removed = removed.objects;
  report.removed_bytes = removed.bytes;
  if (!report.root.emptied) {
    THAW_ASSIGN(report.root, update_root(room, root, mark_emptied));
  }
  return report;
}

}  // namespace thaw
