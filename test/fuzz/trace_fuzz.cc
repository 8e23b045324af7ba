#include "lib/manifest/trace.h"

// Whoever does not have the key makes no trace that opens.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (thaw::open_trace({data, size}, {}, thaw::Secret()).ok()) __builtin_trap();
  return 0;
}
