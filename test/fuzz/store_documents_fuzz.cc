#include "lib/manifest/image_name.h"
#include "lib/store/documents.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const thaw::ByteView input(data, size);
  const std::string_view text = thaw::as_text(input);
  (void)thaw::parse_store_document(input).ok();
  (void)thaw::parse_root_document(input, "1").ok();
  if (thaw::is_object_key(text) && (text == ".." || text.starts_with("../"))) __builtin_trap();
  const auto image = thaw::ImageName::parse(text);
  if (image.ok() && !thaw::is_object_key(thaw::name_key("t", image->name, image->tag))) __builtin_trap();
  return 0;
}
