// Salt record: a root's salt, wrapped by a builder key (docs/formats/salt.md). Workers cannot open it.
//
// Pure, except for the calls to the key service, which may block. Errors: kDamaged, and the key service's.
#pragma once

#include "lib/base/result.h"
#include "lib/keys/key_service.h"
#include "lib/manifest/identifier.h"

namespace thaw {

inline constexpr uint64_t kMaxSaltRecordBytes = 16 * 1024;

struct Salt {
  Identifier id;
  Secret secret;
};

// A fresh random salt.
Salt make_salt();

Result<Bytes> wrap_salt_record(const Salt& salt, const Identifier& store_id, BuilderKeys& keys);

// kDamaged also for a record of another store or with another id than `id`.
Result<Salt> open_salt_record(ByteView bytes, const Identifier& id, const Identifier& store_id,
                              BuilderKeys& keys);

}  // namespace thaw
