// Where an image's parts come from: ImageSource and BlobSource are what a layout directory, an archive or a
// registry has to implement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/digest.h"
#include "lib/oci/byte_stream.h"
#include "lib/oci/limits.h"
#include "lib/oci/platform.h"

namespace thaw {

// A blob as an index or a manifest names it.
struct Descriptor {
  std::string name;              // how the source finds it: "sha256:…", or a path in a docker-archive
  std::optional<Digest> digest;  // of the bytes as they are stored; docker-archives do not tell their layers'
  std::optional<uint64_t> size;  // stored bytes
};

// One platform's image: what its manifest says.
struct ImageParts {
  std::string digest;  // "sha256:…" of the manifest; of the config where there is no manifest
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

class BlobSource {
 public:
  virtual ~BlobSource() = default;

  // The blob's bytes, unverified. Blocks; the source outlives the stream. kNotFound when it has no such blob.
  virtual Result<std::unique_ptr<ByteStream>> open(const Descriptor& blob) = 0;

  // How many bytes it stores of the blob, as far as it knows.
  virtual Result<uint64_t> stored_size(const Descriptor& blob) = 0;
};

class ImageSource : public BlobSource {
 public:
  // The image for `platform`. kNotFound with a list of what there is, kUsage when more than one fits.
  virtual Result<ImageParts> choose(const Platform& platform) = 0;
};

// A whole small blob, checked against its descriptor; kFailed when it is larger than max_json_bytes.
Result<std::string> read_document(BlobSource& source, const Descriptor& blob, const Limits& limits);

}  // namespace thaw
