#include "lib/base/buffer.h"
#include "lib/oci/image_config.h"
#include "lib/oci/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const thaw::Limits limits;
  const std::string_view text = thaw::as_text({data, size});
  (void)thaw::parse_image_config(text, limits).ok();
  (void)thaw::parse_digest(std::string(text)).ok();
  const auto document = thaw::parse_json(text, limits);
  if (document.ok()) (void)thaw::parse_index(document.value()).ok();
  return 0;
}
