// The sources that lie in files: OCI layouts and `docker save` archives.
#pragma once

#include <memory>
#include <string>

#include "lib/oci/blob_files.h"
#include "lib/oci/image_source.h"

namespace thaw {

// An OCI image layout. `reference` is an org.opencontainers.image.ref.name or a manifest's "sha256:…"; empty:
// the only image there is. REQUIRES: `limits` outlives it.
std::unique_ptr<ImageSource> make_oci_layout(std::unique_ptr<BlobFiles> files, std::string reference,
                                             const Limits& limits);

// An archive of `docker save` with a manifest.json (Docker 1.10 and later). `reference` is one of its
// RepoTags; empty: the only image there is. REQUIRES: `limits` outlives it.
std::unique_ptr<ImageSource> make_docker_archive(std::unique_ptr<BlobFiles> files, std::string reference,
                                                 const Limits& limits);

}  // namespace thaw
