// probe_store: what the store really does with conditions, and whether it shows at once what was written:
// what deletion relies on. Tried with objects of its own, under contention, since a server may ignore a
// condition without a word.
#pragma once

#include <string>
#include <vector>

#include "lib/collect/collect_room.h"

namespace thaw {

struct StoreCapabilities {
  bool put_if_absent = false;     // of several writers at once exactly one wins
  bool put_if_unchanged = false;  // the same
  bool read_after_write = false;
  bool list_after_write = false;
  bool list_after_remove = false;
  bool tells_time = false;  // when an object was put

  bool can_swap() const { return put_if_absent && put_if_unchanged; }
  bool is_consistent() const {
    return read_after_write && list_after_write && list_after_remove && tells_time;
  }
};

// Puts and removes a few objects below "collector/".
Result<StoreCapabilities> probe_store(CollectRoom& room);

// kRefused with what deletion would need and the store lacks.
Status refuse_incapable(const StoreCapabilities& capabilities);

}  // namespace thaw
