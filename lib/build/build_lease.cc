#include "lib/build/build_lease.h"

namespace thaw {

Status BuildLease::hold(const Digest& manifest) {
  const std::string lease = write_lease({holder_, {manifest}});
  written_ = true;
  THAW_ASSIGN(const PutOutcome outcome, catalog_.write(lease_key(holder_), as_bytes(lease), {}));
  (void)outcome;
  return {};
}

BuildLease::~BuildLease() {
  if (written_) (void)catalog_.remove(lease_key(holder_));
}

}  // namespace thaw
