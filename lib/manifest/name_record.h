// NameRecord: the signed statement that NAME:TAG of a tenant is a manifest, with a sequence that only grows
// (docs/formats/name-record.md). A tombstone states that the name was removed.
#pragma once

#include <string>
#include <vector>

#include "lib/crypto/signature.h"
#include "lib/manifest/image_name.h"
#include "lib/manifest/manifest.h"

namespace thaw {

inline constexpr uint64_t kMaxNameRecordBytes = 4096;

struct NameRecord {
  enum class Kind : uint8_t { kImage = 1, kTombstone = 2 };

  StoreId store_id{};
  std::string tenant;
  std::string name;
  std::string tag;
  Kind kind = Kind::kImage;
  Digest manifest;  // zeros in a tombstone
  uint64_t sequence = 0;
  int64_t time = 0;  // seconds since 1970, for people only
};

Bytes encode_name_record(const NameRecord& record, const SigningKey& key);

// kDamaged when it is no record; kRefused when no trusted builder signed it, or it stands for another name,
// tenant or store than the one it was found under.
Result<NameRecord> open_name_record(ByteView bytes, const StoreId& store, const std::string& tenant,
                                    const ImageName& name, const std::vector<PublicKey>& trusted);

}  // namespace thaw
