#include "daemon/trusted_builders.h"

#include "lib/base/hex.h"

namespace thaw {

Result<TrustedBuilders> trusted_builders(const std::vector<std::string>& configured, const KeySetup& keys) {
  if (configured.empty()) return keys.trusted();
  TrustedBuilders builders;
  for (const std::string& text : configured) {
    PublicKey key{};
    if (!from_hex(text, key)) {
      return Error{Code::kUsage,
                   "\"trust.builders\": \"" + text + "\" is no public key of 64 hexadecimal digits"};
    }
    builders.insert(key);
  }
  return builders;
}

}  // namespace thaw
