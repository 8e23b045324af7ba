#include "lib/collect/collect.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "lib/collect/alarms.h"
#include "lib/collect/move_live.h"
#include "lib/collect/old_leases.h"
#include "lib/collect/remove_objects.h"
#include "lib/collect/store_time.h"

namespace thaw {
namespace {

constexpr std::array<std::string_view, 5> kActionNames{"create", "retire", "expire", "delete", "wait"};
// A run does a few steps for each root; more is a circle.
constexpr size_t kMaxSteps = 1000;
// Of a copied chunk: a look at the copy, the original, the put.
constexpr uint64_t kRequestsPerCopy = 3;
constexpr double kRequestsAtOnce = 32;

CollectDecision decide(CollectAction action, const RootId& root, std::string why) {
  CollectDecision decision;
  decision.action = action;
  decision.root = root;
  decision.why = std::move(why);
  return decision;
}

std::string count_of(size_t number, const std::string& what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

class Planning {
 public:
  Planning(const StoreSurvey& survey, const std::vector<Root>& roots, const CollectPolicy& policy,
           uint64_t now)
      : survey_(survey), roots_(roots), policy_(policy), now_(now) {}

  std::vector<CollectDecision> run() {
    bool under_way = false;
    for (const Root& root : roots_) {
      if (root.state == RootState::kActive || root.emptied) continue;
      decide_on(root);
      under_way = under_way || root.state != RootState::kDeleted;
    }
    if (!under_way) begin_generation();
    return std::move(decisions_);
  }

 private:
  void decide_on(const Root& root) {
    const uint64_t left = wait_left(root);
    const std::string state(root_state_name(root.state));
    if (root.state == RootState::kDeleted) {
      add(decide(CollectAction::kDelete, root.id, "it is deleted, and not yet empty"));
    } else if (const size_t only = survey_.only_in(root.id).size(); only > 0) {
      add(decide(CollectAction::kRetire, root.id, count_of(only, "image") + " in it must be copied"));
    } else if (left > 0) {
      CollectDecision decision = decide(CollectAction::kWait, root.id, "it is " + state);
      decision.wait_seconds = left;
      add(std::move(decision));
    } else if (root.state == RootState::kRetired) {
      add(decide(CollectAction::kExpire, root.id, "it is retired, and all that is used is elsewhere"));
    } else {
      add(decide(CollectAction::kDelete, root.id, "it is expired, and all that is used is elsewhere"));
    }
  }

  // An older active root beside a newer one takes no builds but for a share: it is on its way out.
  void begin_generation() {
    std::vector<CollectDecision> retire;
    size_t active = 0;
    for (const RootManifests& listed : survey_.roots) {
      if (listed.root.state != RootState::kActive || listed.root.share < 100) continue;
      ++active;
      const auto unused = static_cast<size_t>(std::ranges::count_if(
          listed.manifests, [&](const Digest& manifest) { return !survey_.live.uses(manifest); }));
      if (unused == 0) continue;
      const std::string why = count_of(unused, "image") + " in it that nothing uses";
      if (unused * 100 >= listed.manifests.size() * policy_.begin_percent) {
        retire.push_back(decide(CollectAction::kRetire, listed.root.id, why));
      } else {
        add(decide(CollectAction::kWait, listed.root.id,
                   why + ", of " + std::to_string(listed.manifests.size()) + ": less than gc.begin_percent"));
      }
    }
    if (retire.empty()) return;
    if (retire.size() == active)
      add(decide(CollectAction::kCreate, "", "every active root holds images that nothing uses"));
    for (CollectDecision& decision : retire) add(std::move(decision));
  }

  void add(CollectDecision decision) { decisions_.push_back(std::move(decision)); }

  uint64_t wait_left(const Root& root) const {
    const uint64_t due = root.changed + static_cast<uint64_t>(policy_.expire_for.count());
    return due > now_ ? due - now_ : 0;
  }

  const StoreSurvey& survey_;
  const std::vector<Root>& roots_;
  const CollectPolicy& policy_;
  const uint64_t now_;
  std::vector<CollectDecision> decisions_;
};

// A build that was stopped for long may put something into a root that is gone, before it looks again.
Status note_litter(CollectRoom& room, const std::vector<Root>& roots,
                   std::vector<CollectDecision>& decisions) {
  for (const Root& root : roots) {
    if (!root.emptied) continue;
    THAW_ASSIGN(const std::vector<ListedObject> left, room.catalog.list({root_folder(root.id), "", 2}));
    if (left.size() > 1)
      decisions.push_back(
          decide(CollectAction::kDelete, root.id, "something was put into it after it was deleted"));
  }
  return {};
}

Result<CourseReport> carry_out(CollectRoom& room, const CollectDecision& decision,
                               const ProgressFn& progress) {
  CourseReport report;
  switch (decision.action) {
    case CollectAction::kCreate: {
      THAW_ASSIGN(report.root, create_root(room, 100, std::nullopt));
      return report;
    }
    case CollectAction::kRetire: {
      THAW_ASSIGN(report.root, room.catalog.read_root(decision.root));
      const bool on_its_way = report.root.state != RootState::kActive;
      if (!on_its_way) return retire_root(room, decision.root, progress);
      THAW_ASSIGN(report.copied, move_live(room, decision.root, progress));
      return report;
    }
    case CollectAction::kExpire:
      return expire_root(room, decision.root, progress);
    case CollectAction::kDelete:
      return delete_root(room, decision.root, progress);
    case CollectAction::kWait:
      break;
  }
  return report;
}

struct LiveContents {
  uint64_t images = 0;
  uint64_t chunks = 0;
  uint64_t bytes = 0;
};

Result<LiveContents> live_contents(CollectRoom& room, const RootId& root) {
  LiveContents live;
  THAW_ASSIGN(const StoreSurvey survey, survey_store(room));
  const RootManifests* here = survey.find(root);
  if (here == nullptr) return live;
  std::unordered_set<ChunkId, ChunkIdHash> seen;
  for (const Digest& manifest : here->manifests) {
    if (!survey.live.uses(manifest)) continue;
    ++live.images;
    const Result<Object> bytes = room.catalog.read(manifest_key(root, manifest), kMaxManifestBytes);
    if (!bytes.ok() && !is_lost(bytes.error())) return bytes.error();
    const Result<Manifest> parsed =
        bytes.ok() ? parse_manifest(bytes->bytes.view(), manifest) : Result<Manifest>(bytes.error());
    // The course itself says what is wrong, or takes a copy.
    if (!parsed.ok()) continue;
    for (const ManifestChunk& chunk : parsed->chunks) {
      if (seen.insert(chunk.id).second) live.bytes += chunk.stored_length;
    }
  }
  live.chunks = seen.size();
  return live;
}

Status estimate_copy(CollectRoom& room, CollectDecision& decision) {
  THAW_ASSIGN(const LiveContents live, live_contents(room, decision.root));
  decision.images = live.images;
  decision.objects = live.chunks;
  decision.bytes = live.bytes;
  decision.requests = live.chunks * kRequestsPerCopy;
  return {};
}

Status estimate_removal(CollectRoom& room, CollectDecision& decision, const ProgressFn& progress) {
  THAW_ASSIGN(const Root::Count count, count_root(room, decision.root, progress));
  THAW_ASSIGN(const LiveContents live, live_contents(room, decision.root));
  decision.objects = count.chunks;
  decision.bytes = count.bytes;
  // A listing, a look for alarms and a removal for each thousand; and each copy of what is used is read
  // before.
  decision.requests = 3 * (count.chunks / kMaxRemovedAtOnce + 1) + live.chunks;
  return {};
}

}  // namespace

std::string_view collect_action_name(CollectAction action) {
  return kActionNames.at(static_cast<size_t>(action));
}

Result<std::vector<CollectDecision>> plan_collection(CollectRoom& room, const CollectPolicy& policy) {
  THAW_ASSIGN(const StoreSurvey survey, survey_store(room));
  THAW_TRY(refuse_problems(survey.live.problems));
  THAW_ASSIGN(const uint64_t now, store_time(room.catalog));
  THAW_ASSIGN(const std::vector<Root> roots, room.catalog.roots());
  for (const Root& root : roots) THAW_TRY(refuse_alarms(room, root.id));
  std::vector<CollectDecision> decisions = Planning(survey, roots, policy, now).run();
  THAW_TRY(note_litter(room, roots, decisions));
  return decisions;
}

Status estimate(CollectRoom& room, CollectDecision& decision, const ProgressFn& progress) {
  if (decision.action == CollectAction::kRetire) {
    THAW_TRY(estimate_copy(room, decision));
  } else if (decision.action == CollectAction::kDelete) {
    THAW_TRY(estimate_removal(room, decision, progress));
  }
  const auto begin = std::chrono::steady_clock::now();
  THAW_ASSIGN(const std::vector<ListedObject> listed, room.catalog.list({std::string(kLeaseFolder), "", 1}));
  (void)listed;
  const std::chrono::duration<double> round_trip = std::chrono::steady_clock::now() - begin;
  decision.seconds = static_cast<uint64_t>(
      std::llround(round_trip.count() * static_cast<double>(decision.requests) / kRequestsAtOnce));
  return {};
}

Result<CollectReport> collect(CollectRoom& room, const CollectPolicy& policy, const ProgressFn& progress) {
  CollectReport report;
  while (report.steps.size() < kMaxSteps) {
    THAW_ASSIGN(const std::vector<CollectDecision> decisions, plan_collection(room, policy));
    const auto next = std::ranges::find_if(
        decisions, [](const CollectDecision& decision) { return decision.action != CollectAction::kWait; });
    if (next == decisions.end()) {
      THAW_ASSIGN(report.removed_leases, remove_old_leases(room));
      report.waiting = decisions;
      return report;
    }
    THAW_ASSIGN(CourseReport done, carry_out(room, *next, progress));
    report.steps.push_back({next->action, std::move(done)});
  }
  return Error{Code::kFailed, "collection does not come to an end; see 'thaw roots list'"};
}

}  // namespace thaw
