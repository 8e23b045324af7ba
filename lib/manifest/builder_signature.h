// The one check of a builder's signature, for all that is signed (design.md section 4).
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/keys/key_service.h"

namespace thaw {

// kRefused if the signer is not trusted, or the signature not one of `statement`. `what` begins the message.
Status check_signature(const Signed& made, ByteView statement, const TrustedBuilders& trusted,
                       const std::string& what);

}  // namespace thaw
