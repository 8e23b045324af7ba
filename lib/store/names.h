// Names: the name records of one tenant in a store (docs/formats/name-record.md).
//
// Blocks like Catalog, and may be called from the same threads. Constant after construction; any thread.
#pragma once

#include <string>
#include <vector>

#include "lib/manifest/image_name.h"
#include "lib/manifest/name_record.h"
#include "lib/manifest/sequence_memory.h"
#include "lib/store/catalog.h"

namespace thaw {

struct ListedImage {
  std::string name;
  std::string tag;
  Result<NameRecord> record;  // or why it cannot be used
};

class Names {
 public:
  // `seen`: what this machine writes gets a sequence above it and is remembered there; nullptr for who only
  // reads. REQUIRES: check_tenant(tenant).ok()
  Names(Catalog& catalog, std::string tenant, TrustedBuilders trusted, SequenceMemory* seen = nullptr)
      : catalog_(catalog), tenant_(std::move(tenant)), trusted_(std::move(trusted)), seen_(seen) {}

  // The record, verified. kNotFound when there is none or it is a tombstone.
  Result<NameRecord> find(const ImageName& image);
  // The same, and a tombstone too: it has a sequence like others.
  Result<NameRecord> find_any(const ImageName& image);
  Error not_found(const ImageName& image) const;

  // Names `manifest`; the sequence follows that of the record that is replaced, whoever else writes
  // meanwhile, and all that was seen.
  Result<NameRecord> point(const ImageName& image, const Digest& manifest, BuilderKeys& keys,
                           uint64_t now_seconds);

  // Writes a tombstone. kNotFound when there is no such name.
  Result<NameRecord> remove(const ImageName& image, BuilderKeys& keys, uint64_t now_seconds);

  // All names that are no tombstones, in the order of their keys.
  Result<std::vector<ListedImage>> list();

 private:
  struct Stored;
  Result<Stored> read(const ImageName& image);
  Result<NameRecord> replace(const Stored& stored, NameRecord next, BuilderKeys& keys, uint64_t now_seconds);
  Error lost_race(const ImageName& image, const Stored& stored);
  NameRecord blank(const Identifier& store_id, const ImageName& image) const;

  Catalog& catalog_;
  const std::string tenant_;
  const TrustedBuilders trusted_;
  SequenceMemory* const seen_;
};

}  // namespace thaw
