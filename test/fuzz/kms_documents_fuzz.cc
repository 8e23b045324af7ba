#include "lib/keys/key_service.h"
#include "lib/keys/kms_documents.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  thaw::Bytes answer(data, data + size);
  const std::string_view text = thaw::as_text(answer);
  (void)thaw::key_of(text);
  const auto page = thaw::aliases_of(text);
  if (page && !page->next.empty()) (void)thaw::list_aliases_request(page->next);
  const auto wrapped = thaw::ciphertext_of(text);
  if (wrapped && wrapped->size() > thaw::kMaxWrappedBytes) __builtin_trap();
  // What goes into an error stays one line.
  const thaw::KmsFailure failure = thaw::failure_of(text);
  if ((failure.type + failure.message).find_first_of("\r\n") != std::string::npos) __builtin_trap();
  (void)thaw::take_plaintext(answer);
  return 0;
}
