// collect: garbage collection as far as policy allows: finishes what was begun, lets roots that waited long
// enough go one step on, and begins a new generation when an active root holds images that nobody uses.
//
// Unattended: every step waits `expire_for` after the one before, by the store's clock. Meant to be run again
// and again.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "lib/collect/root_course.h"

namespace thaw {

struct CollectPolicy {
  std::chrono::seconds expire_for = std::chrono::hours(7 * 24);
  // A new generation copies all that is used: it begins when at least so many percent of a root's images are
  // used by nothing. 0: when one is.
  unsigned begin_percent = 5;
};

enum class CollectAction : uint8_t { kCreate, kRetire, kExpire, kDelete, kWait };

std::string_view collect_action_name(CollectAction action);

// What is to be done with one root, and what that costs.
struct CollectDecision {
  CollectAction action = CollectAction::kWait;
  RootId root;      // empty: of kCreate
  std::string why;  // for people
  uint64_t wait_seconds = 0;
  uint64_t images = 0;    // to be copied
  uint64_t objects = 0;   // to be copied or removed
  uint64_t bytes = 0;     // of those
  uint64_t requests = 0;  // to the store, about
  uint64_t seconds = 0;   // that they take, about: as long as a listing takes now, so many at a time
};

// Decides about every root; changes nothing. kDamaged for what stops collection (see refuse_problems),
// kRefused for an alarm.
Result<std::vector<CollectDecision>> plan_collection(CollectRoom& room, const CollectPolicy& policy);

// Adds what the decision will cost, by listing what it is about.
Status estimate(CollectRoom& room, CollectDecision& decision, const ProgressFn& progress);

struct CollectStep {
  CollectAction action;
  CourseReport report;
};
struct CollectReport {
  std::vector<CollectStep> steps;        // that were done
  std::vector<CollectDecision> waiting;  // what is left for later
  size_t removed_leases = 0;             // of workers that are gone
};

Result<CollectReport> collect(CollectRoom& room, const CollectPolicy& policy, const ProgressFn& progress);

}  // namespace thaw
