// Whose signatures this machine accepts: `configured` ("trust.builders"), else those that the keyring
// trusts.
#pragma once

#include <string>
#include <vector>

#include "lib/keys/keyring.h"

namespace thaw {

// kUsage for a configured key that is no public key.
Result<TrustedBuilders> trusted_builders(const std::vector<std::string>& configured, const KeySetup& keys);

}  // namespace thaw
