#include "lib/store/s3_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto page = thaw::parse_list_page({data, size});
  if (page.ok() && page->keys.size() > thaw::kMaxS3KeysPerPage) __builtin_trap();
  if (thaw::parse_error_code({data, size}).size() > 64) __builtin_trap();
  return 0;
}
