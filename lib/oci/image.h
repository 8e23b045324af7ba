// Reading an OCI image: every digest checked, its layers flattened into a Tree with the contents in a Spool.
//
// Layers are streamed; nothing is extracted, and no layer is ever whole in memory. The tree depends on the
// image's files alone: neither on the source's form nor on how its layers are compressed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/executor.h"
#include "lib/oci/image_config.h"
#include "lib/oci/image_source.h"
#include "lib/oci/limits.h"
#include "lib/oci/registry_source.h"
#include "lib/tree/spool.h"
#include "lib/tree/tree.h"

namespace thaw {

// What an image's manifest and config say of it.
struct ImageHead {
  RuntimeConfig config;
  Platform platform;          // as the config has it
  std::string source_digest;  // "sha256:…" of the manifest; of the config for a docker-archive
  std::string config_digest;  // "sha256:…"
};

struct Image : ImageHead {
  Tree tree;
  Spool spool;
};

struct ReadOptions {
  Platform platform = this_platform();
  Limits limits;
  std::string spool_folder = "/var/tmp";  // on a filesystem with O_TMPFILE and room for the files' contents
  // Compressed bytes read and to be read, layers only. Called by the thread that decodes.
  std::function<void(uint64_t done, uint64_t total)> progress;
  // Where layers are decoded while the caller parses; nothing: on the caller's thread, one after the other.
  Executor* executor = nullptr;
  RegistryOptions registry;  // for docker://
};

// An image of which manifest and config are read, and no layer yet.
class SourceImage {
 public:
  // `source` is `oci:DIR[:REF]`, `oci-archive:FILE[:REF]` or `docker-archive:FILE[:REF]`, split at the first
  // colons as containers/image does, or `docker://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`. Blocks; the
  // caller must not be a thread of `options.executor` or `options.registry.executor`.
  //
  // kUsage: no such kind of source, or an ambiguous REF. kNotFound: no such file, REF or platform. kDamaged:
  // bytes that are not what a digest or a format promises. kFailed: a limit, or the disk. Of a registry also
  // kRefused, kUnreachable and kTimedOut.
  static Result<SourceImage> open(const std::string& source, const ReadOptions& options);

  SourceImage(SourceImage&&) noexcept;
  SourceImage& operator=(SourceImage&&) noexcept;
  ~SourceImage();

  const ImageHead& head() const;

  // Reads the layers. Once. Blocks; errors as above.
  Result<Image> read();

 private:
  class Reader;
  explicit SourceImage(std::unique_ptr<Reader> reader);

  std::unique_ptr<Reader> reader_;
};

}  // namespace thaw
