// update_root: changes a root's document, whoever else changes it meanwhile. For what does not depend on the
// state that was read; a step of its course does, and is refused then (root_course).
#pragma once

#include <functional>

#include "lib/collect/collect_room.h"

namespace thaw {

// `change` is called anew with what is read after somebody else was first. The root as it was written;
// kUnreachable when others are first again and again.
Result<Root> update_root(CollectRoom& room, const RootId& root, const std::function<void(Root&)>& change);

// As it is stored. kNotFound, for people, when there is no such root.
Result<StoredRoot> read_known(CollectRoom& room, const RootId& root);

}  // namespace thaw
