// From NAME[:TAG][@sha256:DIGEST] to an open manifest: name record, sequence, manifest, signature, data key.
//
// Blocks like Catalog. What a mount, an inspection or an export begins with.
#pragma once

#include <functional>
#include <string>

#include "lib/keys/key_service.h"
#include "lib/manifest/image_name.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/name_record.h"
#include "lib/manifest/sequence_memory.h"
#include "lib/store/catalog.h"

namespace thaw {

struct ImageReaders {
  Catalog& catalog;
  KeyService& keys;
  SequenceMemory& sequences;
  TrustedBuilders trusted;
};

// Of a name that was taken away ('thaw rm').
enum class Removed : uint8_t {
  kRefuse,
  kAllow,  // it can still be opened by its digest: for who had it open before
};

struct ImageRequest {
  std::string tenant;
  ImageName name;
  Rollback rollback = Rollback::kRefuse;
  Removed removed = Removed::kRefuse;
};

struct OpenedImage {
  OpenManifest manifest;
  RootId root;                  // where the manifest was found
  std::vector<RootId> roots;    // readable ones, newest first, that one in front: where to look for chunks
  std::string builder_version;  // who wrote it
  PublicKey signer{};           // the same, by the key
};

// kNotFound: no such name. kRefused: a signature that is not trusted, a key that is not known, another
// tenant's manifest, a lower sequence than was seen. kDamaged: altered bytes, or a digest in the name that no
// manifest of this store has.
Result<OpenedImage> open_image(const ImageReaders& readers, const ImageRequest& request);

// The same for who goes on reading: `hold` makes a lease list the manifest, and once that is done the root is
// looked at again, so that collection either sees the lease, or has deleted the root before
// (docs/formats/store.md, "Order of writes").
using HoldManifest = std::function<Status(const Digest& manifest)>;
Result<OpenedImage> open_held(const ImageReaders& readers, const ImageRequest& request,
                              const HoldManifest& hold);

// What a verified record names, whatever sequences were seen. kNotFound: no root has the manifest; other
// errors as above. `sequences` is not asked.
Result<OpenedImage> open_recorded(Catalog& catalog, KeyService& keys, const TrustedBuilders& trusted,
                                  const NameRecord& record);

}  // namespace thaw
