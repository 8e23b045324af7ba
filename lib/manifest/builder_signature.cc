#include "lib/manifest/builder_signature.h"

#include "lib/base/hex.h"
#include "lib/crypto/signature.h"

namespace thaw {

Status check_signature(const Signed& made, ByteView statement, const TrustedBuilders& trusted,
                       const std::string& what) {
  if (!trusted.contains(made.signer)) {
    return Error{Code::kRefused, what + " is signed by builder " + to_hex(made.signer) +
                                     ", which is not trusted; add it to trust.builders, or where that is "
                                     "empty to trusted/ in the keyring"};
  }
  if (!verify_signature(made.signer, statement, made.signature)) {
    return Error{Code::kRefused, what + " has a signature that does not belong to it; build the image again"};
  }
  return {};
}

}  // namespace thaw
