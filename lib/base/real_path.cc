#include "lib/base/real_path.h"

#include <climits>
#include <cstdlib>

namespace thaw {

std::string without_links(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

}  // namespace thaw
