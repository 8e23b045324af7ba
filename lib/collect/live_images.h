// find_live: which images may not be collected: those that a name means, and those that an open lease lists.
// Nothing depends on age.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lib/collect/collect_room.h"

namespace thaw {

// What could not be believed: as long as there is one, nothing may be deleted.
struct CollectProblem {
  std::string what;  // an object's key
  Error why;         // with the remedy
};

struct LiveImages {
  std::unordered_map<Digest, std::string, DigestHash> used_by;  // manifest → one of its users, for people
  std::vector<CollectProblem> problems;

  bool uses(const Digest& manifest) const { return used_by.count(manifest) != 0; }
};

// `error` with who needs it and what to do.
Error needed_by(const Error& error, const std::string& user);

// Leases are read before names: a build puts its name before it removes its lease, so that one of them is
// seen.
Result<LiveImages> find_live(CollectRoom& room);

// kDamaged with the first of them, when there are any.
Status refuse_problems(const std::vector<CollectProblem>& problems);

}  // namespace thaw
