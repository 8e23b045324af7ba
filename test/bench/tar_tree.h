// read_tar: a root filesystem's tar as a Tree, for measurements that need no image around it.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/tree/spool.h"
#include "lib/tree/tree.h"

namespace thaw {

// One tar, no whiteouts; entries as libarchive reads them. Appends contents to `spool`.
Result<Tree> read_tar(const std::string& path, Spool& spool);

}  // namespace thaw
