// Pkcs11Uri: which tokens `keys.url` names, as a PKCS #11 URI (RFC 7512):
//   pkcs11:token=LABEL?module-path=/usr/lib/….so&pin-source=file:/etc/thaw/pin
// and for builders &thaw-builder-token=LABEL&thaw-builder-pin-source=file:/etc/thaw/builder-pin.
//
// A value. Internal to lib/keys.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.h"

namespace thaw {

struct Pkcs11Uri {
  std::string module_path;
  std::string token;             // label of the one with the tenants' keys
  std::string pin_file;          // of its user
  std::string builder_token;     // label of the one with the builders' keys; empty: for a worker
  std::string builder_pin_file;  // of its user; empty when there is none

  static bool is_one(std::string_view url) { return url.starts_with("pkcs11:"); }
  // kUsage with what is wrong, never with a value: a PIN may be among them.
  static Result<Pkcs11Uri> parse(std::string_view url);
};

}  // namespace thaw
