// BuildLease: tells collection that an image is used which has no name yet (docs/formats/store.md, "Order of
// writes").
//
// Owned by one thread that may wait. A lease that stays behind, because its builder died or may not delete,
// lapses by itself.
#pragma once

#include "lib/store/catalog.h"

namespace thaw {

class BuildLease {
 public:
  explicit BuildLease(Catalog& catalog) : catalog_(catalog) {}
  ~BuildLease();
  BuildLease(const BuildLease&) = delete;
  BuildLease& operator=(const BuildLease&) = delete;

  // Once this is done, whoever deletes a root afterwards sees that `manifest` is used.
  Status hold(const Digest& manifest);

 private:
  Catalog& catalog_;
  const Identifier holder_ = Identifier::random();
  bool written_ = false;
};

}  // namespace thaw
