#include "lib/manifest/salt_record.h"
#include "test/fuzz/with_checksum.h"

namespace {

// Knows no key: whatever gets past the parser ends here.
class NoKeys final : public thaw::BuilderKeys {
 public:
  thaw::Result<thaw::WrappedKey> wrap_salt(const thaw::Secret&, thaw::ByteView) override { return refused(); }
  thaw::Result<thaw::Secret> unwrap_salt(const thaw::WrappedKey&, thaw::ByteView) override {
    return refused();
  }
  thaw::Result<thaw::Signed> sign_message(thaw::ByteView) override { return refused(); }

 private:
  static thaw::Error refused() { return {thaw::Code::kRefused, "no keys"}; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  NoKeys keys;
  if (thaw::open_salt_record(thaw::with_checksum({data, size}), {}, {}, keys).ok()) __builtin_trap();
  return 0;
}
