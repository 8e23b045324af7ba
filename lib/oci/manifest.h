// Image indexes and manifests, of the OCI image specification and Docker's schema 2, told apart by content.
#pragma once

#include <string>
#include <vector>

#include "lib/oci/image_source.h"
#include "lib/oci/json.h"

namespace thaw {

// "sha256:<64 digits>"; kDamaged for anything else, other algorithms among it.
Result<Digest> parse_digest(const std::string& text);

// One manifest or nested index in an index.
struct IndexEntry {
  Descriptor blob;
  Platform platform;     // empty where the index does not tell
  std::string ref_name;  // org.opencontainers.image.ref.name
};

// kDamaged when the document is no index.
Result<std::vector<IndexEntry>> parse_index(const Json& document);

// From the entries of an index, follows nested indexes to the one image for `platform`.
// kNotFound with the platforms that there are; kUsage when several images fit.
Result<ImageParts> choose_image(BlobSource& source, const std::vector<IndexEntry>& entries,
                                const Platform& platform, const Limits& limits);

}  // namespace thaw
