// Key files: 32 bytes in hexadecimal with a newline, made once and never changed (docs/formats/keyring.md).
//
// Blocking; any thread may call. Internal to lib/keys.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/crypto/secret.h"

namespace thaw {

// kNotFound when there is none, kRefused when others than the owner may read it, kDamaged when it is no key.
Result<Secret> read_secret_file(const std::string& path);

// Durable and atomic with mode 0600; keeps the file that is there (another process may have made it first).
// The folder is made with mode 0700.
Status make_secret_file(const std::string& path, const Secret& secret);

// Public keys: the same form with mode 0644, readable by all.
Result<Secret> read_public_file(const std::string& path);
Status make_public_file(const std::string& path, ByteView key);

// The numbers n > 0 of files named `prefix` + n in `folder`, ascending; empty when there is no folder.
Result<std::vector<unsigned>> numbered_files(const std::string& folder, const std::string& prefix);

}  // namespace thaw
