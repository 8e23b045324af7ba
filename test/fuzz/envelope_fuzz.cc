#include "lib/manifest/envelope.h"
#include "test/fuzz/with_checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto envelope = thaw::parse_envelope(thaw::with_checksum({data, size}));
  // What was parsed is written back as the same bytes, or the form is ambiguous.
  if (envelope.ok() && thaw::write_envelope(envelope.value()) != thaw::with_checksum({data, size}))
    __builtin_trap();
  return 0;
}
