// What the roots of a store hold: which manifests, how many chunks.
#pragma once

#include <functional>
#include <unordered_set>
#include <vector>

#include "lib/build/progress.h"
#include "lib/collect/collect_room.h"

namespace thaw {

struct RootManifests {
  Root root;
  std::unordered_set<Digest, DigestHash> manifests;  // by their names; the bytes are not looked at

  bool has(const Digest& digest) const { return manifests.count(digest) != 0; }
};

// Newest first, of roots that still hold objects, deleted ones among them. Each state was read before its
// manifests were listed.
Result<std::vector<RootManifests>> list_manifests(CollectRoom& room);

// Does something for each of the 256 folders of a root's chunks, several at once, on `workers`' threads.
Status for_each_prefix(CollectRoom& room, const RootId& root,
                       const std::function<Status(const std::string& folder)>& work,
                       const ProgressFn& progress);

// Visits the chunks of one root, those of several folders at once.
Status for_each_chunk(CollectRoom& room, const RootId& root,
                      const std::function<Status(const ListedObject&)>& visit, const ProgressFn& progress);

// The chunks of one root, listed by prefix, many prefixes at a time.
Result<Root::Count> count_root(CollectRoom& room, const RootId& root, const ProgressFn& progress);

// Counts, and keeps the count with the root.
Result<Root> recount_root(CollectRoom& room, const RootId& root, const ProgressFn& progress);

}  // namespace thaw
