// NameRecord: which manifest NAME:TAG of a tenant means, signed by a builder, with a sequence that only grows
// (docs/formats/name-record.md). A tombstone says that the name was taken away.
//
// All functions are pure, except for signing (the key service may block). Errors as for envelopes.
#pragma once

#include <string>

#include "lib/base/digest.h"
#include "lib/base/result.h"
#include "lib/keys/key_service.h"
#include "lib/manifest/identifier.h"

namespace thaw {

inline constexpr uint64_t kMaxNameRecordBytes = 4096;

enum class NameState : uint8_t { kNamed = 0, kRemoved = 1 };

struct NameRecord {
  Identifier store_id;
  std::string tenant;
  std::string name;
  std::string tag;
  Digest manifest;        // all zeros in a tombstone
  uint64_t sequence = 0;  // previous + 1; the first is 1
  uint64_t time = 0;      // seconds since 1970, for people; nothing is decided by it
  NameState state = NameState::kNamed;
};

// Where a record must stand: one found under another name is refused.
struct NamePlace {
  Identifier store_id;
  std::string tenant;
  std::string name;
  std::string tag;
};

Result<Bytes> sign_name_record(const NameRecord& record, BuilderKeys& keys);

// The record, when a trusted builder signed it for this place.
Result<NameRecord> parse_name_record(ByteView bytes, const NamePlace& place, const TrustedBuilders& trusted);

// The record without a look at its signature: for a builder that replaces it, or a list for people.
Result<NameRecord> parse_unverified_name_record(ByteView bytes);

}  // namespace thaw
