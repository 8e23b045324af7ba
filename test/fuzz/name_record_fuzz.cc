#include "lib/manifest/name_record.h"
#include "test/fuzz/with_checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto record = thaw::parse_unverified_name_record(thaw::with_checksum({data, size}));
  if (record.ok() && record->sequence == 0) __builtin_trap();
  return 0;
}
