// Whose signatures this machine accepts: "trust.builders" of the configuration, else those that the keyring
// trusts.
#pragma once

#include "daemon/config/config.h"
#include "lib/keys/keyring_directory.h"

namespace thaw {

// kUsage for a configured key that is no public key.
Result<TrustedBuilders> trusted_builders(const Config& config, const KeyringDirectory& keys);

}  // namespace thaw
