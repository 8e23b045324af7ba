// export_image: writes an image's whole device as a sparse file, and hashes it, zeros included.
//
// Blocks; call it on a thread that is none of the store's. Chunks are fetched and decrypted several at a time
// (at most kExportWindow of them in memory), hashed in the device's order on the calling thread.
#pragma once

#include <string>

#include "lib/base/digest.h"
#include "lib/build/progress.h"
#include "lib/store/open_image.h"

namespace thaw {

inline constexpr size_t kExportWindow = 32;

struct ExportReport {
  uint64_t bytes = 0;  // the device's
  Digest sha256;
};

// `path` appears whole or not at all, with mode 0600, replacing what was there; the bytes are plaintext.
Result<ExportReport> export_image(const OpenedImage& image, ObjectReader& store, const std::string& path,
                                  const ProgressFn& progress);

}  // namespace thaw
