// find_unchanged: what a name has already, when a build of its source would store the same once more. An
// image is known by its digest, so that neither its layers are read nor its chunks made
// (docs/decisions/0016).
#pragma once

#include <optional>

#include "lib/build/build.h"

namespace thaw {

// Nothing unless the name's image was made of this source by this builder's key, with this layout, chunk size
// and salt, in the root that a build would choose now, and the store has each of its chunks with the right
// length. Also nothing on any error: the build that follows meets it again and says it. Blocks like
// store_image().
std::optional<BuildReport> find_unchanged(Workshop& shop, const BuildRequest& request,
                                          const ImageDetails& source);

}  // namespace thaw
