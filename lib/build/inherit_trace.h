// inherit_trace: a new build of a name starts with the trace of the image that the name meant before, so that
// its first cold start is prefetched too.
//
// Blocks like store_image. A trace is advice: whatever is missing or wrong with the old one, there is none
// then.
#pragma once

#include <cstddef>
#include <vector>

#include "lib/build/store_image.h"
#include "lib/manifest/manifest.h"
#include "lib/store/open_image.h"

namespace thaw {

// The places on `next`'s device of what `trace` names on `previous`'s, in its order: where the same chunk is,
// else the same place, which belongs to the same path: an address is made of the path and not of the contents
// (docs/formats/layout.md). What the new image does not have is left out.
std::vector<uint32_t> carried_over(const std::vector<uint32_t>& trace, const Manifest& previous,
                                   const Manifest& next);

struct Successor {
  const RootId& root;
  const Digest& digest;
  const Manifest& clear;
  const Secret& trace_key;
};

// How many chunks the trace that it wrote has; 0 when it wrote none.
size_t inherit_trace(Workshop& shop, const OpenedImage& previous, const Successor& next);

}  // namespace thaw
