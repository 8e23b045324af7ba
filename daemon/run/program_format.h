// check_format: whether the kernel would execute a file of an image, before a runtime says only that it
// failed.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace thaw {

// `path` below `root` is a program for this machine, or a script whose interpreter is there. What cannot be
// read, and anything at all where binfmt_misc has formats of its own, passes. kRefused with the reason.
Status check_format(const std::string& root, const std::string& path);

}  // namespace thaw
