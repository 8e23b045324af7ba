// verify_image: fetches every distinct chunk of an image straight from the store and checks its bytes.
//
// Blocks; call it on a thread that is none of the store's. Damage and absence are findings, not errors; an
// error means that the store could not be asked.
#pragma once

#include <string>
#include <vector>

#include "lib/build/progress.h"
#include "lib/store/open_image.h"

namespace thaw {

struct BadChunk {
  ChunkId id;
  uint32_t index = 0;  // the first place on the device, in chunks
  std::string why;
};

struct VerifyReport {
  uint64_t chunks = 0;        // distinct
  uint64_t bytes = 0;         // of ciphertext, right ones
  std::vector<BadChunk> bad;  // ascending by index
};

Result<VerifyReport> verify_image(const OpenedImage& image, ObjectReader& store, const ProgressFn& progress);

}  // namespace thaw
