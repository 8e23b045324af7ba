// move_live: what is live in one root and not in an active one is copied into the newest active root, so that
// the first root may go.
#pragma once

#include "lib/collect/copy_forward.h"
#include "lib/collect/live_images.h"
#include "lib/collect/root_contents.h"

namespace thaw {

// What was read of a store, each thing in the order that deletion needs: leases, names, states, manifests.
struct StoreSurvey {
  LiveImages live;
  std::vector<RootManifests> roots;  // newest first

  const RootManifests* find(const RootId& root) const;
  bool in_active_root(const Digest& manifest) const;
  // Where images go; nullptr when there is none.
  const Root* target() const;
  // In the root, live, and in no active root.
  std::vector<Digest> only_in(const RootId& root) const;
  // All roots but the target, newest first.
  std::vector<RootId> sources(const RootId& target) const;
};

// Its problems name also images whose manifests are nowhere.
Result<StoreSurvey> survey_store(CollectRoom& room);

// Reads every image that is live and lies in the root and in an active one too, there, and writes again what
// is missing or damaged: the root's copy may be the last sound one. kDamaged when there is none.
Result<CopyCounts> mend_copies(CollectRoom& room, const RootId& root, const ProgressFn& progress);

// Looks again until there is nothing to copy. kRefused when there is no active root, kDamaged for problems.
Result<CopyCounts> move_live(CollectRoom& room, const RootId& root, const ProgressFn& progress);

}  // namespace thaw
