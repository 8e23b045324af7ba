#include "lib/crypto/hash.h"
#include "lib/manifest/manifest.h"
#include "lib/manifest/manifest_memory.h"
#include "test/fuzz/with_checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const thaw::ByteView input(data, size);
  (void)thaw::open_manifest(input, thaw::sha256(input), thaw::Secret()).ok();
  (void)thaw::read_manifest_memory(input).ok();
  (void)thaw::read_manifest_memory(thaw::with_checksum(input)).ok();
  return 0;
}
